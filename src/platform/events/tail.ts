import type { LogEvent } from './define.ts';

export type TailListener = (events: readonly LogEvent[]) => void;

/**
 * The fast, lossy copy of each shard's newest events. The log is the truth: whoever reads a tail takes an event whose
 * position is the next one, reads the log when it is larger, and drops it when it is smaller (feed.ts). So a tail may
 * lose, repeat and be emptied; it may never reorder what it delivers of one `publish`.
 *
 * `tail.conformance.ts` says what every adapter must do.
 */
export interface Tail {
  /** Hands events of one shard, in order of position, to whoever follows it, in any process. Never throws. */
  publish(shard: number, events: readonly LogEvent[]): void;
  /** Calls `listener` with what is published from now on. Answers how to stop; afterwards it is not called again. */
  follow(shard: number, listener: TailListener): () => void;
  /** Ends every following. May be called twice. */
  close(): Promise<void>;
}
