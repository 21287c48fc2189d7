import type { DiscussionEvent } from './events.ts';
import { hear, type LiveText } from './live-text.ts';
import type { Discussion, Message } from './types.ts';

type Kind = NonNullable<Discussion['next_speaker']>['kind'];

/** What `discussions.transcript` yields. A newer version may have further types; ignore what you do not know. */
export type TranscriptPart =
  /** Somebody has the turn. `again`: it is begun anew, and what was heard of it is void. */
  | { type: 'turn'; turn: number; participant_id: string; name: string; kind: Kind; reason: string; again: boolean }
  /**
   * More words of the turn under way: `delta` is new, `text` is all of them. `text` is always `delta` put behind its
   * first `from` UTF-16 units. When the turn's `message` comes, every word of it has been in a `delta`.
   */
  | { type: 'text'; turn: number; name: string; delta: string; text: string; from: number }
  /** A message as the server keeps it: each exactly once, in order. */
  | { type: 'message'; message: Message }
  /** A turn ended without a message. */
  | { type: 'skipped'; turn: number; name: string; reason: string }
  /** An attempt at a turn failed; null: it is not tried again by itself. */
  | { type: 'failed'; turn: number; name: string; code: string; retry_in_ms: number | null }
  /** Nobody has the turn: a person has to name who speaks next, with `discussions.advance`. */
  | { type: 'choice_awaited'; turn: number }
  /** It stands until somebody resumes it. */
  | { type: 'paused'; reason: string }
  | { type: 'resumed' }
  /** The server was restored from a backup: forget what you have, everything comes anew. */
  | { type: 'reset' }
  /** The last part. */
  | { type: 'ended'; status: 'completed' | 'failed' | 'cancelled'; reason: string | null };

/** Where a transcript gets what it tells. */
export type TranscriptSource = {
  get(): Promise<Discussion>;
  /** The messages after one seq, up to another. */
  messages(after: number, upTo: number): AsyncIterable<Message>;
  events(cursor: string): AsyncIterable<DiscussionEvent>;
};

/** Follows a discussion to its end. `afterSeq`: messages up to there are known already. */
export async function* transcript(
  source: TranscriptSource,
  { snapshot, afterSeq }: { snapshot: Discussion; afterSeq: number },
): AsyncGenerator<TranscriptPart> {
  const teller = new Teller(source, afterSeq);
  yield* teller.begin(snapshot);
  if (teller.ended) return;
  for await (const event of source.events(snapshot.cursor)) {
    yield* teller.tell(event);
    if (teller.ended) return;
  }
}

type Current = { turn: number; name: string; attempt: number | undefined };

class Teller {
  readonly #source: TranscriptSource;
  #seq: number;
  /** Whose turn was told last; its attempt is unknown where that was read from a snapshot. */
  #current: Current | undefined;
  #live: LiveText | undefined;
  ended = false;

  constructor(source: TranscriptSource, afterSeq: number) {
    this.#source = source;
    this.#seq = afterSeq;
  }

  /** What is there already: its messages, and who has the turn. */
  async *begin(discussion: Discussion): AsyncGenerator<TranscriptPart> {
    yield* this.#messages(discussion.messages);
    const { status, status_reason: reason, next_speaker: next, turn } = discussion;
    if (status === 'completed' || status === 'failed' || status === 'cancelled') {
      this.ended = true;
      yield { type: 'ended', status, reason };
    } else if ((status === 'running' || status === 'waiting') && next && turn !== this.#current?.turn) {
      this.#current = { turn, name: next.name, attempt: undefined };
      const { participant_id, name, kind } = next;
      yield { type: 'turn', turn, participant_id, name, kind, reason: next.reason, again: false };
    }
  }

  async *tell(event: DiscussionEvent): AsyncGenerator<TranscriptPart> {
    switch (event.type) {
      case 'reset':
        yield* this.#reset(event.data.reason);
        break;
      case 'turn_started':
        yield* this.#turn(event.data);
        break;
      case 'turn_snapshot':
      case 'turn_restarted':
      case 'message_delta':
        yield* this.#words(event);
        break;
      case 'message_posted':
        yield* this.#messages(event.data.seq);
        break;
      case 'turn_skipped':
        if (event.data.turn !== this.#current?.turn) break;
        this.#live = undefined;
        yield { type: 'skipped', turn: event.data.turn, name: event.data.name, reason: event.data.reason };
        break;
      case 'turn_failed': {
        const { turn, name, code, retry_in_ms } = event.data;
        if (turn === this.#current?.turn) yield { type: 'failed', turn, name, code, retry_in_ms };
        break;
      }
      case 'choice_awaited':
        yield { type: 'choice_awaited', turn: event.data.turn };
        break;
      case 'discussion_paused':
        yield { type: 'paused', reason: event.data.reason };
        break;
      case 'discussion_resumed':
        yield { type: 'resumed' };
        break;
      case 'discussion_completed':
        this.ended = true;
        yield { type: 'ended', status: event.data.status, reason: event.data.reason };
        break;
      case 'discussion_cancelled':
        this.ended = true;
        yield { type: 'ended', status: 'cancelled', reason: 'requested' };
        break;
      default:
    }
  }

  *#turn(data: Extract<DiscussionEvent, { type: 'turn_started' }>['data']): Generator<TranscriptPart> {
    const { turn, attempt, participant_id, name, kind, reason } = data;
    const before = this.#current;
    if (before && turn < before.turn) return;
    const same = before?.turn === turn;
    // Known from the snapshot, where nobody says which attempt it is; or told already.
    const known = same && (before.attempt === undefined ? this.#live === undefined : attempt <= before.attempt);
    const heardOf = same && this.#live?.turn === turn && this.#live.attempt >= attempt;
    this.#current = { turn, name, attempt };
    this.#live = hear(this.#live, { type: 'turn_started', data });
    if (known || heardOf) return;
    yield { type: 'turn', turn, participant_id, name, kind, reason, again: same };
  }

  *#words(event: DiscussionEvent): Generator<TranscriptPart> {
    const before = this.#live;
    const now = hear(before, event);
    this.#live = now;
    const current = this.#current;
    if (!now || now === before || now.turn !== current?.turn) return;
    const known = before?.turn === now.turn && before.attempt === now.attempt ? before.text : '';
    yield* more(current, known, now.text);
  }

  /** Every message up to this one, and before it the words of its turn that were not heard. */
  async *#messages(upTo: number): AsyncGenerator<TranscriptPart> {
    if (upTo <= this.#seq) return;
    for await (const message of this.#source.messages(this.#seq, upTo)) {
      this.#seq = message.seq;
      const current = this.#current;
      if (current && message.turn === current.turn) {
        yield* more(current, this.#live?.turn === current.turn ? this.#live.text : '', message.content);
        this.#live = undefined;
      }
      yield { type: 'message', message };
      if (message.seq >= upTo) return;
    }
  }

  async *#reset(reason: string): AsyncGenerator<TranscriptPart> {
    // Only old events are gone: what they told is in the messages, which are all there.
    if (reason !== 'trimmed') {
      this.#seq = 0;
      this.#current = undefined;
      this.#live = undefined;
      yield { type: 'reset' };
    }
    yield* this.begin(await this.#source.get());
  }
}

/** The words that `text` has and `known` has not. Where it is another text, all of it, from its beginning. */
function* more({ turn, name }: Current, known: string, text: string): Generator<TranscriptPart> {
  if (known.startsWith(text)) return;
  const from = text.startsWith(known) ? known.length : 0;
  yield { type: 'text', turn, name, delta: text.slice(from), text, from };
}
