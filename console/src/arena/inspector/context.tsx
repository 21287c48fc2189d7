import { type Discussion, ParleyError, type Turn, type TurnContext } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { bytes, count, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useClient } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { ErrorNote, Skeleton } from '../../ui/states.tsx';

type ContextProps = { discussion: Discussion; turn: Turn; onMessage(seq: number): void };

/** What the speaker was given for a turn; read only when somebody wants to see it. */
export function Context({ discussion, turn, onMessage }: ContextProps): ReactNode {
  const [open, setOpen] = useState(false);
  return (
    <section>
      <h3>What the speaker was given</h3>
      {open ? (
        <Given discussion={discussion} turn={turn} onMessage={onMessage} />
      ) : (
        <Button icon="document" onClick={() => setOpen(true)}>
          Show it
        </Button>
      )}
    </section>
  );
}

function Given({ discussion, turn, onMessage }: ContextProps): ReactNode {
  const client = useClient();
  const { data, error, reload } = useResource(
    `context/${discussion.id}/${turn.turn}/${turn.attempts}/${turn.status}`,
    (signal) => client.discussions.context(discussion.id, turn.turn, { signal }),
  );
  if (error instanceof ParleyError && error.status === 404) {
    return <p className="faint">Nothing was kept of what this turn was given: a person’s, or one that never began.</p>;
  }
  if (data === undefined)
    return error === undefined ? <Skeleton rows={3} /> : <ErrorNote error={error} retry={reload} />;
  return (
    <div className="given">
      <p className="faint">
        {data.model ?? 'no model'}, attempt {data.attempt}, about {plural(data.estimated_tokens, 'token')}
        {parametersText(data)}
      </p>
      {data.brief && (
        <Fold title="The policy’s brief" open>
          <p className="given-text">{data.brief}</p>
        </Fold>
      )}
      <Memory given={data} onMessage={onMessage} />
      {data.documents.length > 0 && (
        <Fold title={`${plural(data.documents.length, 'document')} at hand`}>
          <ul>
            {data.documents.map(({ document_id, title, bytes: size }) => (
              <li key={document_id}>
                <Link to={`/documents/${document_id}`}>{title}</Link> <span className="faint">{bytes(size)}</span>
              </li>
            ))}
          </ul>
        </Fold>
      )}
      <Fold title={`${plural(data.messages.length, 'message')}, as sent`}>
        <ol className="given-messages">
          {data.messages.map(({ role, name, content, seq }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: what was sent does not change
            <li key={index}>
              <p>
                <span className="tag">{role}</span> {name && <strong dir="auto">{name}</strong>}{' '}
                {seq !== null && (
                  <button type="button" className="turn-link" onClick={() => onMessage(seq)}>
                    message {seq}
                  </button>
                )}
              </p>
              <p className="given-text" dir="auto">
                {content}
              </p>
            </li>
          ))}
        </ol>
      </Fold>
    </div>
  );
}

function Memory({ given, onMessage }: { given: TurnContext; onMessage(seq: number): void }): ReactNode {
  const { window, summary, retrieved } = given.memory;
  return (
    <>
      <p>
        {window === null
          ? 'Nothing had been said yet.'
          : window.from_seq === window.to_seq
            ? `Message ${window.from_seq} word for word.`
            : `Messages ${count(window.from_seq)} to ${count(window.to_seq)} word for word.`}
        {summary && ` Before them, a summary up to message ${count(summary.up_to_seq)}.`}
      </p>
      {summary && (
        <Fold title="The summary">
          <p className="given-text">{summary.text}</p>
        </Fold>
      )}
      {retrieved.length > 0 && (
        <Fold title={`${plural(retrieved.length, 'passage')} looked up`}>
          <ol className="given-messages">
            {retrieved.map(({ kind, document_id, seq, title, text }) => (
              <li key={`${kind}${document_id ?? seq}${text.slice(0, 40)}`}>
                <p>
                  <span className="tag">{kind}</span>{' '}
                  {document_id !== null && <Link to={`/documents/${document_id}`}>{title}</Link>}
                  {document_id === null && seq !== null && (
                    <button type="button" className="turn-link" onClick={() => onMessage(seq)}>
                      {title || `message ${seq}`}
                    </button>
                  )}
                </p>
                <p className="given-text" dir="auto">
                  {text}
                </p>
              </li>
            ))}
          </ol>
        </Fold>
      )}
    </>
  );
}

function Fold({ title, open = false, children }: { title: string; open?: boolean; children: ReactNode }): ReactNode {
  return (
    <details className="fold" open={open}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}

function parametersText({ parameters }: TurnContext): string {
  const parts = Object.entries(parameters).map(
    ([name, value]) => `${name.replaceAll('_', ' ')} ${typeof value === 'number' ? count(value) : String(value)}`,
  );
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`;
}
