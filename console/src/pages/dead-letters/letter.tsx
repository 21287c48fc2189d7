import type { DeadLetter, DeadLetterSummary } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { aboutJob, aboutOf } from '../../lib/about.ts';
import { dateTime, plural } from '../../lib/format.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Fact, Json } from '../../ui/facts.tsx';
import { When } from '../../ui/page.tsx';
import { ErrorNote, Loaded } from '../../ui/states.tsx';

const WORDS = { failed: 'failed', parked: 'parked', requeued: 'being tried' } as const;

type LineProps = { letter: DeadLetterSummary; ticked: boolean; onTick(on: boolean): void; onDone(): void };

/** One letter: what it is and why it is here; opened, all of it. */
export function LetterLine({ letter, ticked, onTick, onDone }: LineProps): ReactNode {
  const can = useCan();
  const [open, setOpen] = useState(false);
  const why = letter.error_message ?? letter.error_code ?? 'waits behind a failed one';
  return (
    <li className="letter">
      {can('dead_letters:write') && (
        <input
          type="checkbox"
          aria-label={`Choose ${letter.type} of ${letter.group}, ${letter.stream}`}
          checked={ticked}
          onChange={(event) => onTick(event.target.checked)}
        />
      )}
      <details className="letter-body" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="letter-head">
            <strong>{letter.type}</strong>
            {letter.group !== letter.type && <code>{letter.group}</code>}
            <span className={letter.status === 'failed' ? 'tag tag-bad' : 'tag'}>{WORDS[letter.status]}</span>
          </span>
          <span className="letter-why">{why}</span>
          <span className="faint">
            {triesOf(letter)} · {letter.stream} · <When time={letter.updated_at} />
          </span>
        </summary>
        {open && <Opened letter={letter} onDone={onDone} />}
      </details>
    </li>
  );
}

/** Tries that failed, and processes that died with it. */
function triesOf({ attempts, crashes }: DeadLetterSummary): string {
  const tries = plural(attempts, 'try', 'tries');
  return crashes > 0 ? `${tries}, ${plural(crashes, 'crash', 'crashes')}` : tries;
}

function Opened({ letter, onDone }: { letter: DeadLetterSummary; onDone(): void }): ReactNode {
  const client = useClient();
  const can = useCan();
  const resource = useResource(`dead-letter:${letter.id}:${letter.updated_at}`, (signal) =>
    client.deadLetters.get(letter.id, { signal }),
  );
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [note, setNote] = useState('');
  const again = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    setNote('');
    try {
      const { kept } = await client.deadLetters.requeue(letter.id);
      if (kept > 0) setNote('It stays: an unfinished job has the same key. When that one is done, try again.');
      else onDone();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="stack letter-open">
      <Loaded resource={resource}>{(whole) => <Facts letter={whole} />}</Loaded>
      {error !== undefined && <ErrorNote error={error} />}
      {note !== '' && (
        <p className="hint" role="status">
          {note}
        </p>
      )}
      {can('dead_letters:write') && (
        <div className="form-foot">
          <Button icon="again" busy={busy} onClick={() => void again()}>
            Try it again
          </Button>
          <Button look="quiet" icon="trash" onClick={() => setAsking(true)}>
            Discard it
          </Button>
        </div>
      )}
      {asking && (
        <Confirm
          title={`Discard this ${letter.type}?`}
          action="Discard it"
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await client.deadLetters.discard(letter.id);
            onDone();
          }}
        >
          <p>It is never handled. What was parked behind it goes on.</p>
        </Confirm>
      )}
    </div>
  );
}

function Facts({ letter }: { letter: DeadLetter }): ReactNode {
  const can = useCan();
  const about = letter.source === 'event' ? aboutOf(letter.stream, can) : aboutJob(letter.body, can);
  const event = letter.source === 'event' ? (letter.body as { id?: unknown }).id : undefined;
  return (
    <>
      <dl className="facts-list facts-wide">
        <Fact name="Reason">
          {letter.error_code && <code>{letter.error_code}</code>} {letter.error_message}
          {!letter.error_code && !letter.error_message && 'It waits behind a failed one of its stream.'}
        </Fact>
        <Fact name="Tries">{triesOf(letter)}</Fact>
        <Fact name="Stream">{letter.stream}</Fact>
        {about && (
          <Fact name="About">
            <Link to={about.to}>{about.words}</Link>
          </Fact>
        )}
        {letter.position !== null && <Fact name="Position">{letter.position}</Fact>}
        <Fact name="Trace">
          {letter.trace_id === null ? (
            'none'
          ) : can('events:read') ? (
            <Link to={`/events?trace=${letter.trace_id}`}>
              <code>{letter.trace_id}</code>
            </Link>
          ) : (
            <code>{letter.trace_id}</code>
          )}
        </Fact>
        <Fact name="Came here">{dateTime(letter.created_at)}</Fact>
        {typeof event === 'string' && can('events:read') && (
          <Fact name="Event">
            <Link to={`/events/${event}`}>{event}</Link>
          </Fact>
        )}
      </dl>
      <Json value={letter.body} label={`Payload of ${letter.type}`} />
    </>
  );
}
