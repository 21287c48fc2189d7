import type { Discussion } from '@parley/sdk';
import { type ReactNode, useRef } from 'react';
import { type ArenaState, onStage } from './state.ts';
import { nameOf } from './words.ts';

/** So much of a message is read aloud; the whole is in the transcript. */
const READ = 600;

/**
 * Tells a screen reader who takes the floor, and whole messages, politely: never word by word, and nothing of what was
 * there when the page opened.
 */
export function Announcer({ state, discussion }: { state: ArenaState; discussion: Discussion }): ReactNode {
  const last = state.newer === 'none' ? state.messages.at(-1) : undefined;
  const since = useRef(last?.seq ?? 0);
  const opened = useRef(discussion.turn);
  const fresh = last && last.seq > since.current ? last : undefined;
  const stage = onStage(state);
  return (
    <>
      <div className="visually-hidden" aria-live="polite">
        {fresh && `${fresh.author.name}: ${short(fresh.content)}`}
      </div>
      <div className="visually-hidden" aria-live="polite">
        {stage && discussion.turn > opened.current && floor(discussion, stage.participantId)}
        {!stage && discussion.status === 'waiting' && 'Somebody has to name who speaks next.'}
      </div>
    </>
  );
}

function floor(discussion: Discussion, id: string): string {
  const name = nameOf(discussion, id);
  if (discussion.status === 'waiting') return `Waiting for ${name}.`;
  return discussion.status === 'running' ? `${name} has the floor.` : '';
}

const short = (text: string): string => (text.length > READ ? `${text.slice(0, READ)} … and more.` : text);
