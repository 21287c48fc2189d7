import type { Feed } from '../events/feed.ts';
import { ALL_SHARDS, shardOf } from '../events/shards.ts';
import type { Passing, Tail } from '../events/tail.ts';

/**
 * Brings live frames to the other processes. Each carries the position that its sender had reached; whoever is not there
 * yet, because the tail has lost something, holds it until the log has been read, for `HOLD_MS` at most.
 */
export interface Relay {
  pass(frame: Omit<Passing, 'after'>): void;
  /** Calls `receive` with what other processes pass, each in its place among the events. */
  start(receive: (frame: Passing) => void): void;
  /** Events up to this position have been delivered here: what waited for them follows. */
  reached(shard: number, position: number): void;
  stop(): void;
}

const HOLD_MS = 500;
/** Frames of a shard that wait. Beyond that the oldest go out. */
const MAX_HELD = 5_000;

type Held = { readonly frames: Passing[]; timer: NodeJS.Timeout | undefined };

export function createRelay({ tail, feed }: { tail: Tail; feed: Pick<Feed, 'head' | 'caughtUp'> }): Relay {
  const held = new Map<number, Held>();
  let receive: (frame: Passing) => void = () => {};
  let unhear: (() => void)[] = [];

  function release(shard: number, isDue: (frame: Passing) => boolean): void {
    const waiting = held.get(shard);
    if (waiting === undefined) return;
    while (waiting.frames[0] !== undefined && isDue(waiting.frames[0])) receive(waiting.frames.shift() as Passing);
    if (waiting.frames.length > 0) return;
    clearTimeout(waiting.timer);
    held.delete(shard);
  }

  function hold(shard: number, frame: Passing): void {
    const waiting = held.get(shard) ?? { frames: [], timer: undefined };
    held.set(shard, waiting);
    waiting.frames.push(frame);
    if (waiting.frames.length > MAX_HELD) receive(waiting.frames.shift() as Passing);
    if (waiting.timer !== undefined) return;
    waiting.timer = setTimeout(() => release(shard, () => true), HOLD_MS);
    // What the tail has lost is read from the log now, not with the next look at it.
    void feed.caughtUp().catch(() => {});
  }

  return {
    pass: (frame) => {
      const shard = shardOf(frame.tenantId);
      tail.pass(shard, { ...frame, after: feed.head(shard) });
    },
    start(receiver) {
      receive = receiver;
      unhear = ALL_SHARDS.map((shard) =>
        tail.hear(shard, (frames) => {
          for (const frame of frames)
            if (!held.has(shard) && frame.after <= feed.head(shard)) receive(frame);
            else hold(shard, frame);
        }),
      );
    },
    reached: (shard, position) => release(shard, ({ after }) => after <= position),
    stop() {
      for (const stop of unhear) stop();
      unhear = [];
      for (const { timer } of held.values()) clearTimeout(timer);
      held.clear();
    },
  };
}
