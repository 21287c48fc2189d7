import type { Discussion } from '@parley/sdk';
import { type ReactNode, useRef } from 'react';
import { plural, words } from '../lib/format.ts';
import { isAwaitingChoice } from './stage/roles.ts';
import { type ArenaState, isOpen } from './state.ts';
import { nameOf, reasonText } from './words.ts';

/** So much of a message is read aloud, to the end of a sentence where there is one; the whole is in the transcript. */
const READ = 280;

/**
 * Tells a screen reader, politely, how each message begins and when the discussion stops for somebody: never word by
 * word, once a turn, and nothing of what was there when the page opened.
 */
export function Announcer({ state, discussion }: { state: ArenaState; discussion: Discussion }): ReactNode {
  const last = state.newer === 'none' ? state.messages.at(-1) : undefined;
  const since = useRef(last?.seq ?? 0);
  const opened = useRef<string | undefined>(standing(discussion));
  const fresh = last && last.seq > since.current ? last : undefined;
  const now = standing(discussion);
  if (now !== opened.current) opened.current = undefined;
  return (
    <>
      <div className="visually-hidden" aria-live="polite">
        {fresh && `${fresh.author.name}: ${short(fresh.content)}`}
      </div>
      <div className="visually-hidden" aria-live="polite">
        {opened.current === undefined && now}
      </div>
    </>
  );
}

/** How it stands, where it does not simply go on. */
function standing(discussion: Discussion): string {
  const { status, status_reason: reason, next_speaker: next } = discussion;
  if (isAwaitingChoice(discussion)) return 'Somebody has to name who speaks next.';
  if (status === 'waiting') return `Waiting for ${nameOf(discussion, next?.participant_id)}.`;
  if (isOpen(discussion) && status !== 'paused') return '';
  return `The discussion is ${status}${reason ? `: ${reasonText(reason)}` : ''}.`;
}

function short(text: string): string {
  if (text.length <= READ) return text;
  const sentence = /^[\s\S]{80,}[.!?…](?=\s)/.exec(text.slice(0, READ))?.[0];
  const read = sentence ?? text.slice(0, READ).replace(/\s+\S*$/, ' …');
  return `${read} And ${plural(words(text.slice(read.length)), 'more word')}.`;
}
