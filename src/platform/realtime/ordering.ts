import type { LiveFrame } from './hub.ts';

export type Live = {
  readonly tenantId: string;
  readonly stream: string;
  readonly frame: LiveFrame;
  /** Only to the subscribers of other processes: those here know it. */
  readonly othersOnly?: boolean;
};

/**
 * Keeps live frames behind the events that were committed before them. An event reaches its subscribers a moment
 * after its commit (through the outbox and the log), a live frame at once: without this, the first words of a turn
 * would overtake its `turn_started`, and often the message before it. Frames published earlier than the commit are
 * never held, so the words of a turn still come before its `message_posted`.
 *
 * Best effort: a frame waits for at most `HOLD_MS`, and at most `MAX_HELD` wait in a stream.
 */
export interface Ordering {
  /** An event of this stream was committed, and may not have been delivered yet. */
  expect(eventId: string, key: string): void;
  /** The event has been delivered: what waited for it follows. */
  arrived(eventId: string, key: string): void;
  /** Sends a live frame now, or after the events that it waits for. */
  pass(key: string, live: Live): void;
  clear(): void;
}

const HOLD_MS = 500;
const MAX_HELD = 1000;
/** Streams with events under way. With more, the one that has waited longest is let go: what it waits for may be lost. */
const MAX_STREAMS = 10_000;
/** Events that one stream waits for. */
const MAX_EVENTS = 1000;
/** Events that were delivered last: a commit is often heard of after them, of another process's events always. */
const MAX_SEEN = 5_000;

type Waiting = { readonly ids: Set<string>; readonly frames: Live[]; timer: NodeJS.Timeout | undefined };

export function createOrdering(send: (key: string, live: Live) => void): Ordering {
  const streams = new Map<string, Waiting>();
  const seen = new Set<string>();

  function release(key: string): void {
    const waiting = streams.get(key);
    if (waiting === undefined) return;
    streams.delete(key);
    clearTimeout(waiting.timer);
    for (const live of waiting.frames) send(key, live);
  }

  return {
    expect(eventId, key) {
      if (seen.has(eventId)) return;
      const waiting = streams.get(key);
      if (waiting) {
        if (waiting.ids.size < MAX_EVENTS) waiting.ids.add(eventId);
        return;
      }
      if (streams.size >= MAX_STREAMS) release(streams.keys().next().value as string);
      streams.set(key, { ids: new Set([eventId]), frames: [], timer: undefined });
    },
    arrived(eventId, key) {
      seen.add(eventId);
      if (seen.size > MAX_SEEN) seen.delete(seen.values().next().value as string);
      const waiting = streams.get(key);
      if (waiting?.ids.delete(eventId) && waiting.ids.size === 0) release(key);
    },
    pass(key, live) {
      const waiting = streams.get(key);
      if (waiting === undefined) {
        send(key, live);
        return;
      }
      waiting.frames.push(live);
      waiting.timer ??= setTimeout(() => release(key), HOLD_MS);
      if (waiting.frames.length >= MAX_HELD) release(key);
    },
    clear() {
      for (const { timer } of streams.values()) clearTimeout(timer);
      streams.clear();
      seen.clear();
    },
  };
}
