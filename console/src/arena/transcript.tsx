import type { Discussion, Message } from '@parley/sdk';
import { memo, type ReactNode, useEffect, useRef, useState } from 'react';
import { cost, count, dateTime, duration, roughTokens, timeOfDay } from '../lib/format.ts';
import { Link } from '../lib/router.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { Icon } from '../ui/icon.tsx';
import { Prose } from '../ui/prose.tsx';
import { hueIn } from './stage.tsx';
import { type ArenaState, heard, type Live, onStage } from './state.ts';

/** Everything that was said, and what is being said. Keeps to the end while the reader is there. */
export function Transcript({ state, discussion }: { state: ArenaState; discussion: Discussion }): ReactNode {
  const { scroller, atEnd, toEnd } = useFollow(state);
  return (
    <div className="transcript-frame">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: an area that scrolls must be reachable by keyboard */}
      <section className="transcript" ref={scroller} tabIndex={0} aria-label="Transcript">
        <ol className="talk">
          {state.messages.map((message) => (
            <Said key={message.id} message={message} discussion={discussion} />
          ))}
          {state.ended.map((live) => (
            <Speaking key={live.turn} state={state} discussion={discussion} live={live} over />
          ))}
          {state.live && <Speaking state={state} discussion={discussion} live={state.live} />}
        </ol>
        {state.messages.length === 0 && !state.live && (
          <p className="silence">
            {discussion.status === 'created'
              ? 'Nothing has been said yet.'
              : 'The room is quiet. The first word is on its way.'}
          </p>
        )}
      </section>
      {!atEnd && (
        <button type="button" className="to-end" onClick={toEnd}>
          <Icon name="down" /> To the latest
        </button>
      )}
      <Announcer messages={state.messages} loaded={state.loaded} />
    </div>
  );
}

type SaidProps = { message: Message; discussion: Discussion };

const Said = memo(
  function Said({ message, discussion }: SaidProps): ReactNode {
    const { author, metadata } = message;
    const hue = hueIn(discussion, author.participant_id);
    return (
      <li className={`said said-${author.kind} hue-${hue}`} data-seq={message.seq}>
        <Avatar name={author.name} kind={author.kind} hue={hue} />
        <article aria-label={`${author.name}, ${timeOfDay(message.created_at)}`}>
          <header>
            <strong className="speaker">{author.name}</strong>
            {message.turn !== null && <span className="faint">turn {message.turn}</span>}
            {metadata.rehearsal && (
              <span className="tag" title="Composed by rule from the documents. No language model was asked.">
                rehearsal
              </span>
            )}
            {metadata.finish_reason === 'length' && <span className="tag">cut at its token limit</span>}
            {metadata.finish_reason === 'interrupted' && <span className="tag">interrupted</span>}
            <time className="faint" dateTime={message.created_at} title={dateTime(message.created_at)}>
              {timeOfDay(message.created_at)}
            </time>
          </header>
          <Prose text={message.content} />
          <Citations message={message} />
          {author.kind === 'agent' && <Facts message={message} />}
        </article>
      </li>
    );
  },
  (before, after) =>
    before.message === after.message && before.discussion.participants === after.discussion.participants,
);

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
  return <p className="facts">{facts.join(' · ')}</p>;
}

type SpeakingProps = { state: ArenaState; discussion: Discussion; live: Live; over?: boolean };

/** A turn in progress, or one whose message is on its way. Not announced word by word: the finished message is. */
function Speaking({ state, discussion, live, over = false }: SpeakingProps): ReactNode {
  const id = live.participantId ?? onStage(state)?.participantId;
  const speaker = discussion.participants.find((participant) => participant.id === id);
  if (speaker?.kind !== 'agent') return null;
  const hue = hueIn(discussion, speaker.id);
  const text = heard(live);
  // Known when the message is there; until then, as this speaker spoke before.
  const rehearses = state.messages.findLast(({ author }) => author.participant_id === speaker.id)?.metadata.rehearsal;
  const marks = over ? {} : { 'data-live': live.turn };
  return (
    <li className={`said said-agent said-live hue-${hue}`} aria-live="off" aria-busy={!over} {...marks}>
      <Avatar name={speaker.name} kind="agent" hue={hue} />
      <article aria-label={`${speaker.name} is speaking`}>
        <header>
          <strong className="speaker">{speaker.name}</strong>
          <span className="faint">turn {live.turn}</span>
          {live.attempt > 1 && <span className="tag">attempt {live.attempt}</span>}
          {rehearses && <span className="tag">rehearsal</span>}
          {!over && <span className="live-tag">live</span>}
        </header>
        {text === '' ? <Thinking /> : <Prose text={text} {...(!over && { tail: <span className="caret" /> })} />}
        {text !== '' && <p className="facts">about {count(roughTokens(text))} tokens so far</p>}
      </article>
    </li>
  );
}

function Thinking(): ReactNode {
  return (
    <p className="thinking">
      <i />
      <i />
      <i />
      <span className="visually-hidden">preparing</span>
    </p>
  );
}

/** Tells a screen reader of whole messages, politely, and of none that were there when the page opened. */
function Announcer({ messages, loaded }: { messages: readonly Message[]; loaded: boolean }): ReactNode {
  const since = useRef<number | undefined>(undefined);
  if (loaded && since.current === undefined) since.current = messages.at(-1)?.seq ?? 0;
  const last = messages.at(-1);
  const fresh = last && since.current !== undefined && last.seq > since.current ? last : undefined;
  return (
    <div className="visually-hidden" aria-live="polite">
      {fresh && `${fresh.author.name}: ${fresh.content}`}
    </div>
  );
}

function useFollow(state: ArenaState): {
  scroller: React.RefObject<HTMLElement | null>;
  atEnd: boolean;
  toEnd(): void;
} {
  const scroller = useRef<HTMLElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const following = useRef(true);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const moved = (): void => {
      following.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80;
      setAtEnd(following.current);
    };
    element.addEventListener('scroll', moved, { passive: true });
    return () => element.removeEventListener('scroll', moved);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown changed, so the end may have moved
  useEffect(() => {
    const element = scroller.current;
    if (element && following.current) element.scrollTop = element.scrollHeight;
  }, [state.messages, state.live]);
  const toEnd = (): void => {
    following.current = true;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  };
  return { scroller, atEnd, toEnd };
}
