import { setTimeout as delay } from 'node:timers/promises';
import { type Discussion, type DiscussionEvent, type Parley, ParleyError } from '@parley/sdk';
import { pick, type Random } from '../../src/modules/models/rehearsal/random.ts';
import { type Fault, fault } from './verdict.ts';

/** What somebody said, and the answer that it was kept. */
export type Acknowledged = { readonly content: string; readonly id: string; readonly seq: number };

/** One discussion, and everything that its reader and its people saw of it. */
export type Watched = {
  readonly discussion: Discussion;
  /** Events of the log in the order in which they came over the wire, through every broken connection. */
  readonly logged: { readonly cursor: string; readonly type: string }[];
  /** What was heard live of each turn until its message was posted. */
  readonly heard: Map<number, string>;
  readonly acknowledged: Acknowledged[];
  /** What must never happen on a stream, as it was seen. */
  readonly faults: Fault[];
};

/** Whether a new try can mend it: the server is gone, has just come back, or is still at the first try. */
const passes = (error: unknown): boolean =>
  error instanceof ParleyError &&
  (error.status === 0 || error.status === 429 || error.status >= 500 || error.code === 'idempotency_in_progress');
const isConflict = (error: unknown): boolean =>
  error instanceof ParleyError && (error.status === 409 || error.status === 404);

/** Does it until it is done: what a client does that lives longer than the server. */
export async function persistently<T>(signal: AbortSignal, fn: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await fn();
    } catch (error) {
      signal.throwIfAborted();
      if (!passes(error)) throw error;
      await delay(100, undefined, { signal });
    }
  }
}

/** Follows a discussion to its end over however many connections it takes. */
export async function follow(parley: Parley, watched: Watched, signal: AbortSignal): Promise<void> {
  const ears = new Ears(watched);
  const { id, cursor } = watched.discussion;
  for await (const event of parley.discussions.events(id, { cursor, signal })) {
    if (event.type === 'reset') watched.faults.push(fault('holes', `reset: ${event.data.reason}`));
    else if (event.cursor !== undefined) watched.logged.push({ cursor: event.cursor, type: event.type });
    ears.hear(event);
    if (event.type === 'discussion_completed') return;
  }
  throw new Error(`The stream of ${id} ended before the discussion did`);
}

/** Puts together what is said of the turn under way, and notices what does not fit. */
class Ears {
  readonly #watched: Watched;
  #turn = 0;
  #attempt = 0;
  #text: string | undefined;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  hear(event: DiscussionEvent): void {
    if (event.type === 'turn_started' || event.type === 'turn_restarted') {
      this.#begin(event.data.turn, event.data.attempt, '');
    } else if (event.type === 'turn_snapshot') this.#begin(event.data.turn, event.data.attempt, event.data.text);
    else if (event.type === 'message_delta') this.#piece(event.data);
    else if (event.type === 'message_posted' && event.data.turn === this.#turn && this.#text) {
      this.#watched.heard.set(this.#turn, this.#text);
    }
  }

  #age(turn: number, attempt: number): number {
    return turn - this.#turn || attempt - this.#attempt;
  }

  #begin(turn: number, attempt: number, text: string): void {
    const age = this.#age(turn, attempt);
    // Words are live and may come before their `turn_started`, whose event has a way of its own.
    if (age < 0 || (age === 0 && this.#text?.startsWith(text))) return;
    this.#turn = turn;
    this.#attempt = attempt;
    this.#text = text;
  }

  #piece({ turn, attempt, offset, text }: { turn: number; attempt: number; offset: number; text: string }): void {
    if (offset === 0) this.#begin(turn, attempt, '');
    if (this.#age(turn, attempt) !== 0 || this.#text === undefined) return;
    const known = this.#text;
    if (offset > known.length) {
      const what = `turn ${turn}, attempt ${attempt}: a hole in what was said, ${known.length}–${offset}`;
      this.#watched.faults.push(fault('holes', what));
    } else this.#text = known.slice(0, offset) + text;
  }
}

export type Actor = { readonly parley: Parley; readonly random: Random; readonly signal: AbortSignal };

/** The person and the guest of a discussion: each speaks when it is his turn, and a person names who is next. */
export async function takePart(
  { parley, random, signal }: Actor,
  watched: Watched,
  seat: Parley | undefined,
): Promise<void> {
  const { id } = watched.discussion;
  for (let said = 1; ; ) {
    await delay(100 + random() * 300, undefined, { signal });
    const now = await persistently(signal, () => parley.discussions.get(id));
    if (now.status !== 'waiting' && now.status !== 'running') return;
    if (now.status !== 'waiting') continue;
    const content = `${id}/turn-${said}`;
    try {
      if (now.next_speaker === null) {
        const { id: next_speaker } = pick(random, now.participants);
        await persistently(signal, () => parley.discussions.advance(id, { turn: now.turn, next_speaker }));
      } else if (now.next_speaker.kind === 'user') {
        await say({ parley, random, signal }, watched, { content });
        said += 1;
      } else if (seat) {
        const { turn, fence } = await persistently(signal, () => seat.discussions.claim(id, now.turn));
        await say({ parley: seat, random, signal }, watched, { content, turn, fence });
        said += 1;
      }
    } catch (error) {
      // Somebody was faster: the deadline, another turn, the end.
      if (!isConflict(error)) throw error;
    }
  }
}

/** Says something once, however often the server dies over it, and keeps the answer. */
export async function say(
  { parley, signal }: Actor,
  { discussion, acknowledged }: Watched,
  body: { content: string; turn?: number; fence?: number },
): Promise<void> {
  const idempotencyKey = crypto.randomUUID();
  const { id, seq } = await persistently(signal, () =>
    parley.discussions.post(discussion.id, body, { idempotencyKey, maxRetries: 0 }),
  );
  acknowledged.push({ content: body.content, id, seq });
}
