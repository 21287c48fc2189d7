import type { Discussion, Message, Turn } from '@parley/sdk';
import { memo, type ReactNode, type RefCallback, useEffect, useRef } from 'react';
import { cost, count, dateTime, duration, timeOfDay } from '../../lib/format.ts';
import { Link } from '../../lib/router.tsx';
import { Avatar } from '../../ui/avatar.tsx';
import { IconButton } from '../../ui/controls.tsx';
import { Prose } from '../../ui/prose.tsx';
import { hueIn, reasonText } from '../words.ts';
import type { MessageActions } from './transcript.tsx';

type SaidProps = {
  message: Message;
  discussion: Discussion;
  turn: Turn | undefined;
  current: boolean;
  /** Takes the focus: somebody came here by keyboard. */
  focused: boolean;
  measure: RefCallback<HTMLElement>;
  actions: MessageActions;
};

/** One message: who, why, what, with which passages, and what it took. */
export const Said = memo(
  function Said({ message, discussion, turn, current, focused, measure, actions }: SaidProps): ReactNode {
    const { author, metadata } = message;
    const hue = hueIn(discussion, author.participant_id);
    const article = useRef<HTMLElement>(null);
    useEffect(() => {
      if (focused) article.current?.focus({ preventScroll: true });
    }, [focused]);
    const looks = [
      'said',
      `said-${author.kind}`,
      `hue-${hue}`,
      message.turn === null && 'said-aside',
      metadata.verdict && 'said-verdict',
      current && 'said-current',
    ];
    return (
      <li
        className={looks.filter(Boolean).join(' ')}
        data-seq={message.seq}
        ref={measure}
        aria-setsize={discussion.messages}
        aria-posinset={message.seq}
      >
        <Avatar name={author.name} kind={author.kind} hue={hue} />
        <article ref={article} tabIndex={-1} aria-label={`${author.name}, ${timeOfDay(message.created_at)}`}>
          <Head message={message} turn={turn} inspect={actions.inspect} />
          <Prose text={metadata.verdict ? withoutVerdict(message.content) : message.content} />
          {metadata.verdict && <Verdict side={metadata.verdict.side} />}
          <Citations message={message} />
          <footer>
            {author.kind === 'agent' && <Facts message={message} />}
            <Actions message={message} actions={actions} />
          </footer>
        </article>
      </li>
    );
  },
  (before, after) =>
    before.message === after.message &&
    before.turn === after.turn &&
    before.current === after.current &&
    before.focused === after.focused &&
    before.actions === after.actions &&
    before.discussion.participants === after.discussion.participants,
);

type HeadProps = { message: Message; turn: Turn | undefined; inspect: MessageActions['inspect'] };

function Head({ message, turn, inspect }: HeadProps): ReactNode {
  const { author } = message;
  return (
    <header>
      <p className="said-by">
        <strong className="speaker" dir="auto">
          {author.name}
        </strong>{' '}
        {message.turn !== null && (
          <button
            type="button"
            className="turn-link"
            title="Why this turn, and what it took"
            onClick={() => inspect(message.turn ?? 0)}
          >
            turn {message.turn}
          </button>
        )}{' '}
        <Tags message={message} /> {turn?.reason && <span className="why-said">{reasonText(turn.reason)}</span>}
      </p>
      <time className="faint" dateTime={message.created_at} title={dateTime(message.created_at)}>
        {timeOfDay(message.created_at)}
      </time>
    </header>
  );
}

/** What is not as usual about it. */
function Tags({ message }: { message: Message }): ReactNode {
  const { metadata } = message;
  return (
    <>
      {message.turn === null && <span className="tag">interjected</span>}
      {message.author.kind === 'seat' && <span className="tag">seat</span>}
      {metadata.rehearsal && (
        <span className="tag" title="Composed by rule from the documents. No language model was asked.">
          rehearsal
        </span>
      )}
      {metadata.finish_reason === 'length' && <span className="tag">cut at its token limit</span>}
      {metadata.finish_reason === 'interrupted' && <span className="tag">interrupted</span>}
      {metadata.fallbacks && metadata.fallbacks.length > 0 && (
        <span
          className="tag"
          title={metadata.fallbacks.map(({ model, code }) => `${model}: ${reasonText(code)}`).join('\n')}
        >
          by fallback
        </span>
      )}
    </>
  );
}

/** The line that says it is shown by itself. */
const withoutVerdict = (text: string): string => text.replace(/\n\s*[*_>#\s]*verdict\b[^\n]*\s*$/i, '');

function Verdict({ side }: { side: string | null }): ReactNode {
  return (
    <p className="verdict">
      <span>Verdict</span>
      <strong dir="auto">{side ?? 'for neither side'}</strong>
    </p>
  );
}

function Actions({ message, actions }: { message: Message; actions: MessageActions }): ReactNode {
  const { seq, turn } = message;
  return (
    <span className="said-actions">
      {turn !== null && <IconButton icon="info" label="Inspect this turn" onClick={() => actions.inspect(turn)} />}
      <IconButton icon="link" label="Copy a link to this message" onClick={() => actions.copyLink(seq)} />
      <IconButton icon="fork" label="Fork from here" onClick={() => actions.fork(seq)} />
    </span>
  );
}

function Citations({ message }: { message: Message }): ReactNode {
  const citations = message.metadata.citations ?? [];
  if (citations.length === 0) return null;
  return (
    <details className="citations">
      <summary>{citations.length === 1 ? 'One passage' : `${count(citations.length)} passages`} cited</summary>
      <ol>
        {citations.map((citation) => (
          <li key={citation.title + citation.quote}>
            <q>{citation.quote}</q>{' '}
            <cite>
              {citation.document_id ? (
                <Link to={`/documents/${citation.document_id}`}>{citation.title}</Link>
              ) : (
                citation.title
              )}
            </cite>
          </li>
        ))}
      </ol>
    </details>
  );
}

/** What the words took. */
function Facts({ message }: { message: Message }): ReactNode {
  const { usage, metadata, time_to_first_token_ms: first, duration_ms: whole } = message;
  const facts = [
    !metadata.rehearsal && metadata.model,
    usage && `${count(usage.input_tokens)} in, ${count(usage.output_tokens)} out`,
    usage && !metadata.rehearsal && cost(usage.cost_nano_usd),
    typeof first === 'number' && `first word ${duration(first)}`,
    typeof whole === 'number' && `whole ${duration(whole)}`,
  ].filter((fact) => typeof fact === 'string');
  return (
    <ul className="facts" aria-label="What it took">
      {facts.map((fact) => (
        <li key={fact}>{fact}</li>
      ))}
    </ul>
  );
}
