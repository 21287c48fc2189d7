import type { Compilable, RawBuilder } from 'kysely';
import type { Ctx } from '../context.ts';
import type { PendingEvent } from '../events/define.ts';

/** A Kysely builder, or raw SQL made with Kysely's `sql` tag. Values always travel as parameters. */
export type Query<R> = Compilable<R> | RawBuilder<R>;

/** What can be asked of a connection. Statements run named and prepared; their text must not vary with data. */
export interface Queries {
  /** All rows. */
  all<R>(query: Query<R>): Promise<R[]>;
  /** The first row, or undefined. */
  first<R>(query: Query<R>): Promise<R | undefined>;
  /** Runs a statement for its effect; resolves to the number of rows it touched. */
  run(query: Query<unknown>): Promise<number>;
}

/** Reads of one tenant, each in one round trip, under row-level security. Cannot announce events. */
export interface Reader extends Queries {
  readonly kind: 'reader';
  readonly ctx: Ctx;
}

/** Something that writes and announces: `outbox.append(tx, …)` takes nothing less. */
interface Announcing {
  /**
   * Sends a statement whose outcome nobody needs before the commit, and does not wait: where it fails, the transaction
   * fails with its error. The last statements of a transaction travel with its commit in this way, a round trip less.
   */
  send(query: Query<unknown>): void;
  /** Called by `outbox.append` only: events are buffered and written just before the commit. */
  readonly pendingEvents: PendingEvent[];
  /** Runs `fn` after a successful commit, never before and never on rollback. For nudges and cache drops. */
  afterCommit(fn: () => void): void;
}

/** One tenant's transaction, under row-level security. */
export interface Tx extends Queries, Announcing {
  readonly kind: 'tx';
  readonly ctx: Ctx;
}

/** Reads across tenants and of platform tables, by the system role. Only for platform code and sign-in. */
export interface SystemReader extends Queries {
  readonly kind: 'system-reader';
}

/** A transaction of the system role. */
export interface SystemTx extends Queries, Announcing {
  readonly kind: 'system-tx';
}

export interface Db {
  /** Reads for this ctx's tenant. */
  reader(ctx: Ctx): Reader;
  /**
   * Runs `fn` in one transaction of this ctx's tenant and commits it. Serialisation failures and deadlocks are
   * retried (3 times), so `fn` must not act on the outside world. Rejects without effect when `ctx.signal` aborts
   * before the commit.
   */
  inTx<T>(ctx: Ctx, fn: (tx: Tx) => Promise<T>): Promise<T>;
  readonly system: SystemReader;
  inSystemTx<T>(fn: (tx: SystemTx) => Promise<T>): Promise<T>;
}
