import type { WireEvent } from './follow.ts';

/** An event of the log: it has a place (`cursor`) and can be resumed after. */
type Logged<T extends string, D> = {
  type: T;
  id: string;
  time: string;
  cursor: string;
  data: { discussion_id: string } & D;
};
/** Live only: lost to whoever was not there; what it tells is in the next snapshot or message. */
type Live<T extends string, D> = {
  type: T;
  cursor: undefined;
  data: { discussion_id: string; turn: number; attempt: number } & D;
};

type TurnStarted = {
  turn: number;
  attempt: number;
  participant_id: string;
  name: string;
  /** `seat`: an outside client that holds a key of its own. */
  kind: 'agent' | 'user' | 'seat';
  reason: string;
};
type MessagePosted = {
  message_id: string;
  seq: number;
  turn: number | null;
  author_kind: 'agent' | 'user' | 'seat' | 'system';
  participant_id: string | null;
  name: string;
  /** UTF-16 units. */
  length: number;
  finish_reason: string | null;
  input_tokens: number;
  output_tokens: number;
  cost_nano_usd: number | null;
};
type By = { kind: 'user' | 'api_key' | 'system'; id: string; name: string };
type TurnFailed = {
  turn: number;
  attempt: number;
  participant_id: string;
  name: string;
  code: string;
  /** Null: it is not tried again by itself. */
  retry_in_ms: number | null;
};
type TurnSkipped = {
  turn: number;
  participant_id: string;
  name: string;
  reason: 'advanced' | 'failed' | 'timeout' | 'interrupted';
};

/**
 * What `discussions.events` yields. Data holds ids and facts: fetch the text of a `message_posted` with
 * `discussions.messages(id, { after_seq })`. A newer server may send further types; ignore what you do not know.
 */
export type DiscussionEvent =
  | Logged<'discussion_started', { by: By }>
  | Logged<'turn_started', TurnStarted>
  | Logged<'message_posted', MessagePosted>
  | Logged<'turn_failed', TurnFailed>
  | Logged<'turn_skipped', TurnSkipped>
  /** Nobody has the turn: a person has to name who speaks next (`advance` with `next_speaker`). */
  | Logged<'choice_awaited', { turn: number }>
  | Logged<'discussion_paused', { reason: string; by: By | null }>
  | Logged<'discussion_resumed', { by: By }>
  | Logged<'discussion_cancelled', { by: By }>
  | Logged<'discussion_completed', { status: 'completed' | 'failed'; reason: string }>
  | Live<'message_delta', { offset: number; text: string }>
  | Live<'turn_snapshot', { participant_id: string; text: string }>
  | Live<'turn_restarted', object>
  /** The server could not resume (history trimmed, or restored from a backup): read the snapshot anew. */
  | { type: 'reset'; cursor: string | undefined; data: { cursor: string; reason: string } };

/** Log events travel in their envelope: the data is inside, beside id and time. */
export function discussionEvent({ type, cursor, data }: WireEvent): DiscussionEvent {
  if (cursor === undefined || type === 'reset') return { type, cursor, data } as DiscussionEvent;
  const envelope = data as { id: string; time: string; data: unknown };
  return { type, cursor, id: envelope.id, time: envelope.time, data: envelope.data } as DiscussionEvent;
}
