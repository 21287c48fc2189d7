import type { Tx } from '../db/queries.ts';
import type { EventType, LogEvent } from './define.ts';

/**
 * A group that follows the log with an offset a shard. One active holder a shard; concurrent across streams, in
 * order within one. `handle` runs in the effect's own transaction, which also holds the inbox row: a repeat is
 * skipped, a throw rolls everything back and is retried with full jitter, then parked as a dead letter together
 * with what follows on the same stream.
 */
export type Consumer = {
  /** Stable, unique: offsets, inbox rows and dead letters are kept under it. */
  readonly group: string;
  readonly types: readonly EventType[];
  handle(tx: Tx, event: LogEvent): Promise<void>;
  /**
   * Whether the event means nothing to the group: then it costs no transaction. Asked in the order of the shard, and
   * perhaps again; must be quick and not throw.
   */
  skips?(event: LogEvent): boolean;
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Default 5. */
  readonly maxAttempts?: number;
};
