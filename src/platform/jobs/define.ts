import type { Ctx } from '../context.ts';
import type { Tx } from '../db/queries.ts';

/** A job as its handler sees it. `fence` grows by one with every claim; only the newest holder can complete. */
export type RunningJob<P = unknown> = {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly payload: P;
  readonly fence: number;
  /** 1 for the first try. */
  readonly attempt: number;
  /** The tenant's ctx; `ctx.signal` aborts on shutdown, timeout or when the lease is lost. */
  readonly ctx: Ctx;
  /**
   * Completes the job inside the effect's own transaction. Throws `LeaseLost` when another holder has claimed the
   * job since (the transaction then rolls back, and nothing happened).
   */
  complete(tx: Tx): Promise<void>;
};

/** Whether somebody waits for it (a turn), nobody in particular, or it can wait (a replay, a summary). */
export type Priority = 'interactive' | 'normal' | 'batch';

/** A kind of background work. A handler that returns without `complete` is completed by the runner. */
export type JobKind<P = unknown> = {
  readonly kind: string;
  handle(job: RunningJob<P>): Promise<void>;
  /**
   * Called in the transaction that gives the job up: attempts are used up, the error said so (`PermanentError`), or
   * three holders crashed with it (`crashes`).
   */
  onGivenUp?(tx: Tx, job: RunningJob<P>, error: { message: string; code: string }): Promise<void>;
  /** Default 3. */
  readonly maxAttempts?: number;
  /** Default 60,000. */
  readonly timeoutMs?: number;
  /** How many run at once in one process. Default 8. */
  readonly concurrency?: number;
  /** Who has free hands first, and who leaves some free for those before. Default normal. */
  readonly priority?: Priority;
};

/** Thrown by a handler: retrying would be useless. */
export class PermanentError extends Error {
  readonly code: string;
  constructor(message: string, code = 'permanent') {
    super(message);
    this.code = code;
  }
}

/** Another process holds the job now; whatever this one did must not count. */
export class LeaseLost extends Error {
  constructor(jobId: string) {
    super(`The lease of job ${jobId} was lost`);
  }
}

/** What can be done with jobs from a module. */
export interface Jobs {
  /**
   * Enqueues within the caller's transaction. `key` is unique among the unfinished jobs of a kind and tenant: a second
   * enqueue with the same key while one is waiting or running returns the existing one. Default `runAt` is now.
   */
  enqueue<P>(tx: Tx, job: { kind: string; key: string; payload: P; runAt?: Date }): Promise<string>;
  /**
   * Enqueues in the place of whatever there is under this key, which is taken back: also of what another transaction
   * makes or ends at this moment. What is changed after it in this transaction is seen by a run of the job.
   */
  replace<P>(tx: Tx, job: { kind: string; key: string; payload: P; runAt?: Date }): Promise<string>;
  /** Takes back a waiting job, and tells its holder to stop if it is running (its `ctx.signal` aborts). */
  cancel(tx: Tx, kind: string, key: string): Promise<boolean>;
}
