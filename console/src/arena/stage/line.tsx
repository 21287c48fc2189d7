import type { Discussion } from '@parley/sdk';
import type { ReactNode } from 'react';
import { type ArenaState, heard, onStage } from '../state.ts';
import { hueIn, participantOf, reasonText } from '../words.ts';
import { isAwaitingChoice } from './roles.ts';

/** Whose turn it is and why, in one sentence. */
export function TurnLine({ state, discussion }: { state: ArenaState; discussion: Discussion }): ReactNode {
  const stage = onStage(state);
  const speaker = participantOf(discussion, stage?.participantId);
  const { status, status_reason } = discussion;
  if (status === 'completed') return <Line>The discussion is over{because(status_reason)}.</Line>;
  if (status === 'cancelled') return <Line>The discussion was cancelled{because(status_reason)}.</Line>;
  if (status === 'failed') return <Line tone="bad">The discussion failed{because(status_reason)}.</Line>;
  if (status === 'created') return <Line>Ready. {speaker ? `${speaker.name} would open.` : ''}</Line>;
  const turn = <span className="turn-number">Turn {state.live?.turn ?? discussion.turn}</span>;
  if (isAwaitingChoice(discussion)) return <Line tone="warn">{turn} Who speaks next? Somebody has to say.</Line>;
  if (!speaker || !stage) {
    return (
      <Line>
        {status === 'paused' ? (
          `Paused${because(status_reason)}.`
        ) : (
          <>
            {turn} {choosing(discussion)}
          </>
        )}
      </Line>
    );
  }
  const name = <strong className={`hue-${hueIn(discussion, speaker.id)}`}>{speaker.name}</strong>;
  const why = stage.reason ? <span className="why">{`\u00a0— ${reasonText(stage.reason)}`}</span> : null;
  if (status === 'paused') {
    return (
      <Line tone="warn">
        Paused{because(status_reason)}. {name} is next{why}
      </Line>
    );
  }
  if (status === 'waiting') {
    return (
      <Line tone="warn">
        {turn} Waiting for {name}
        {why}
      </Line>
    );
  }
  return (
    <Line>
      {turn} {name} {state.live && heard(state.live) !== '' ? 'is speaking' : 'is preparing'}
      {why}
    </Line>
  );
}

function choosing({ policy }: Discussion): string {
  if (policy.type === 'vote') return 'Everybody is asked who should speak next…';
  if (policy.type === 'moderator') return 'The moderator is asked who should speak next…';
  return 'Choosing who speaks next…';
}

function Line({ children, tone = 'plain' }: { children: ReactNode; tone?: 'plain' | 'warn' | 'bad' }): ReactNode {
  return <p className={`turn-line turn-line-${tone}`}>{children}</p>;
}

const because = (reason: string | null): string => (reason ? `: ${reasonText(reason)}` : '');
