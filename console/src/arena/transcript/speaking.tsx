import type { Discussion } from '@parley/sdk';
import type { ReactNode } from 'react';
import { count, plural, roughTokens } from '../../lib/format.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Prose } from '../../ui/prose.tsx';
import { type ArenaState, heard, type Live, onStage, turnOf } from '../state.ts';
import { useNow } from '../use-arena.ts';
import { hueIn, participantOf } from '../words.ts';

type SpeakingProps = { state: ArenaState; discussion: Discussion; live: Live; over?: boolean };

/** A turn in progress, or one whose message is on its way. Not announced word by word: the finished message is. */
export function Speaking({ state, discussion, live, over = false }: SpeakingProps): ReactNode {
  const speaker = participantOf(discussion, live.participantId ?? onStage(state)?.participantId);
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
          <p className="said-by">
            <strong className="speaker" dir="auto">
              {speaker.name}
            </strong>{' '}
            <span className="faint">turn {live.turn}</span>{' '}
            {live.attempt > 1 && <span className="tag">attempt {live.attempt}</span>}{' '}
            {rehearses && <span className="tag">rehearsal</span>} {!over && <span className="live-tag">live</span>}
          </p>
        </header>
        {text === '' ? <Thinking /> : <Prose text={text} {...(!over && { tail: <span className="caret" /> })} />}
        <p className="facts">
          {text !== '' && `about ${count(roughTokens(text))} tokens`}
          {!over && <Since state={state} live={live} spoken={text !== ''} />}
        </p>
      </article>
    </li>
  );
}

/** How long the turn has gone on, once it is worth telling. */
function Since({ state, live, spoken }: { state: ArenaState; live: Live; spoken: boolean }): ReactNode {
  const now = useNow(true);
  const started = turnOf(state, live.turn)?.started_at;
  const seconds = Math.floor((now - (started ? Date.parse(started) : live.startedAt)) / 1000);
  if (seconds < 3) return spoken && ' so far';
  return spoken ? ` in ${plural(seconds, 'second')}` : `for ${plural(seconds, 'second')}`;
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
