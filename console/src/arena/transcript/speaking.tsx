import type { Discussion } from '@parley/sdk';
import type { ReactNode } from 'react';
import { count, roughTokens } from '../../lib/format.ts';
import { Avatar } from '../../ui/avatar.tsx';
import { Prose } from '../../ui/prose.tsx';
import { type ArenaState, heard, type Live, onStage } from '../state.ts';
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
          <strong className="speaker" dir="auto">
            {speaker.name}
          </strong>
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
