import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Ctx } from '../context.ts';
import type { PendingEvent } from '../events/define.ts';
import { prepared } from './connection.ts';
import { isConnectionError, isRetryable } from './errors.ts';
import type { Query, SystemTx, Tx } from './queries.ts';
import { borrow, queries } from './reader.ts';
import { BEGIN, beginFor, COMMIT, ROLLBACK } from './sql.ts';

const MAX_ATTEMPTS = 4;

/** Writes `tx.pendingEvents` into the outbox with `tx.run`, called before it awaits anything; events own the statement. */
export type WriteOutbox = (tx: Tx | SystemTx) => Promise<void>;

/** Thrown when a commit answered ROLLBACK: a statement had failed, and its error was swallowed. */
export class RolledBack extends Error {
  constructor(cause: unknown) {
    super('The transaction was rolled back, because one of its statements had failed', { cause });
  }
}

/** What one attempt at a transaction keeps. */
class Attempt {
  readonly pendingEvents: PendingEvent[] = [];
  readonly hooks: (() => void)[] = [];
  readonly #client: pg.PoolClient;
  readonly #signal: AbortSignal | undefined;
  #open = true;
  #failure: unknown;
  #sentFailure: unknown;

  constructor(client: pg.PoolClient, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#signal = signal;
  }

  readonly statement = async (query: Query<unknown>): Promise<pg.QueryResult> => {
    try {
      return await this.#ask(query);
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  };

  /** What never leaves this process throws here: the commit, already on its way, could not tell of it. */
  readonly send = (query: Query<unknown>): void => {
    this.#ask(query).catch((error) => {
      this.#sentFailure ??= error;
    });
  };

  #ask(query: Query<unknown>): Promise<pg.QueryResult> {
    if (!this.#open) throw new Error('This transaction is over');
    this.#signal?.throwIfAborted();
    return this.#client.query(prepared(query));
  }

  /** Why it failed: what followed a sent statement that failed tells only that one before it had. */
  causeOf(error: unknown): unknown {
    if (this.#sentFailure !== undefined) return this.#sentFailure;
    return error instanceof RolledBack && isRetryable(error.cause) ? error.cause : error;
  }

  /** COMMIT of a failed transaction succeeds, and answers ROLLBACK: only the tag tells. */
  async commit(): Promise<void> {
    this.#signal?.throwIfAborted();
    this.#open = false;
    const { command } = await this.#client.query(COMMIT);
    if (command !== 'COMMIT') throw new RolledBack(this.#failure);
  }

  async rollback(): Promise<void> {
    this.#open = false;
    try {
      await this.#client.query(ROLLBACK);
    } catch (error) {
      // A broken connection has rolled back by itself, and the pool drops it.
      if (!isConnectionError(error)) throw error;
    }
  }
}

type Transaction<X> = {
  readonly pool: pg.Pool;
  readonly begin: string;
  readonly signal: AbortSignal | undefined;
  readonly writeOutbox: WriteOutbox;
  readonly make: (attempt: Attempt) => X;
};

async function attemptOnce<X extends Tx | SystemTx, T>(
  { pool, begin, signal, writeOutbox, make }: Transaction<X>,
  fn: (tx: X) => Promise<T>,
): Promise<T> {
  const { value, hooks } = await borrow(pool, async (client) => {
    const attempt = new Attempt(client, signal);
    const tx = make(attempt);
    // Not waited for: the first statement follows in the same breath, and fails with it.
    const begun = client.query(begin);
    begun.catch(() => {});
    try {
      const value = await unlessAborted(fn(tx), signal);
      // In one breath with the commit, a round trip less: where it fails, there is nothing to commit.
      const written = attempt.pendingEvents.length > 0 ? writeOutbox(tx) : undefined;
      const committed = attempt.commit();
      committed.catch(() => {});
      await begun;
      await written;
      await committed;
      return { value, hooks: attempt.hooks };
    } catch (error) {
      await attempt.rollback();
      throw attempt.causeOf(error);
    }
  });
  for (const hook of hooks) hook();
  return value;
}

/** `work`, but no longer than the signal: one that does not listen to it must not keep its locks and its connection. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function withRetries<X extends Tx | SystemTx, T>(
  transaction: Transaction<X>,
  fn: (tx: X) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    transaction.signal?.throwIfAborted();
    try {
      return await attemptOnce(transaction, fn);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isRetryable(error)) throw error;
      await delay(Math.random() * 10 * 2 ** attempt, undefined, { signal: transaction.signal });
    }
  }
}

const announcing = (attempt: Attempt) => ({
  ...queries(attempt.statement),
  send: attempt.send,
  pendingEvents: attempt.pendingEvents,
  afterCommit: (hook: () => void) => void attempt.hooks.push(hook),
});

/** The same transaction on behalf of another request of its tenant: who acts, and what it is traced by. */
export function onBehalfOf(tx: Tx, ctx: Ctx): Tx {
  if (ctx.tenantId !== tx.ctx.tenantId) throw new Error("A transaction is one tenant's");
  return { ...tx, ctx };
}

/** See `Db.inTx`. */
export function inTx<T>(pool: pg.Pool, writeOutbox: WriteOutbox, ctx: Ctx, fn: (tx: Tx) => Promise<T>): Promise<T> {
  const make = (attempt: Attempt): Tx => ({ kind: 'tx', ctx, ...announcing(attempt) });
  return withRetries({ pool, begin: beginFor(ctx.tenantId), signal: ctx.signal, writeOutbox, make }, fn);
}

/** See `Db.inSystemTx`. */
export function inSystemTx<T>(pool: pg.Pool, writeOutbox: WriteOutbox, fn: (tx: SystemTx) => Promise<T>): Promise<T> {
  const make = (attempt: Attempt): SystemTx => ({ kind: 'system-tx', ...announcing(attempt) });
  return withRetries({ pool, begin: BEGIN, signal: undefined, writeOutbox, make }, fn);
}
