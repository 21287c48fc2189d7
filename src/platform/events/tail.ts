import type { LogEvent } from './define.ts';

export type TailListener = (events: readonly LogEvent[]) => void;

/** Something that is live only (the words of a turn), on its way to the other processes. */
export type Passing = {
  readonly tenantId: string;
  readonly stream: string;
  /** The shard's position that whoever sent it had reached: it comes after that event, in every process. */
  readonly after: number;
  readonly event: string;
  readonly data: unknown;
};
export type PassingListener = (frames: readonly Passing[]) => void;

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
  /**
   * Hands what is live only to the other processes, not to this one. It keeps its place among the events that this
   * process publishes or has been told of. Never throws.
   */
  pass(shard: number, frame: Passing): void;
  /** Calls `listener` with what other processes pass from now on. Answers how to stop. */
  hear(shard: number, listener: PassingListener): () => void;
  /** Whether it delivers at the moment. While it does not, the log has to be looked at more often. */
  alive(): boolean;
  /** Ends every following. May be called twice. */
  close(): Promise<void>;
}
