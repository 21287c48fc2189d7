import { uuidv7 } from '../../lib/ids.ts';
import type { Ctx } from '../context.ts';
import type { Db, Tx } from '../db/queries.ts';
import { shardOf } from '../events/shards.ts';
import { tellDeadline } from '../reliability/deadline.ts';
import { systemCtx } from '../system-ctx.ts';
import type { Logger } from '../telemetry/log.ts';
import { createTracer, formatTraceparent, type Span, type Tracer } from '../telemetry/trace.ts';
import { type JobKind, LeaseLost, PermanentError, type RunningJob } from './define.ts';
import * as q from './sql.ts';

export type Outcome = 'completed' | 'retried' | 'given_up' | 'given_back' | 'cancelled' | 'lost' | 'stuck';

/** Why a running job is to stop although it has not ended. */
type Abandoned = 'timeout' | 'stopping' | 'cancelled' | 'lost';

/** A job with which so many processes died is given up: it is likely what kills them. */
export const MAX_CRASHES = 3;
const MAX_ATTEMPTS = 3;
const TIMEOUT_MS = 60_000;
/** How long a handler may take to notice that its signal was aborted. Afterwards its hand is free again. */
const GRACE_MS = 2000;

type Options = {
  readonly db: Db;
  readonly kind: JobKind;
  readonly row: q.JobRow;
  readonly processId: string;
  readonly log: Logger;
  readonly delayMs: (failures: number) => number;
  readonly tracer?: Tracer | undefined;
  /** A letter was left. */
  readonly onBuried?: () => void;
};

type Failure = { readonly message: string; readonly code: string };

class Abort extends Error {
  readonly why: Abandoned;
  constructor(why: Abandoned) {
    super(`The job was stopped: ${why}`);
    this.why = why;
  }
}

/** One claim of one job, from the call of its handler to what becomes of the row. */
export class Attempt {
  readonly id: string;
  readonly fence: number;
  readonly ended: Promise<void>;
  readonly #o: Options;
  readonly #abort = new AbortController();
  readonly #held: q.Held;
  readonly #job: RunningJob;
  readonly #span: Span;
  #completed = false;
  #resolveEnded: () => void = () => {};

  constructor(options: Options) {
    const { row, processId } = options;
    this.#o = options;
    this.id = row.id;
    this.fence = row.fence;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const { trace } = systemCtx({ ...ctxOf(row), signal: this.#abort.signal });
    this.#span = (options.tracer ?? createTracer()).start(`job ${row.kind}`, trace);
    this.#held = { tenantId: row.tenant_id, id: row.id, fence: row.fence, processId };
    this.#job = {
      id: row.id,
      kind: row.kind,
      key: row.key,
      payload: row.payload,
      fence: row.fence,
      attempt: row.failures + row.crashes + 1,
      ctx: this.#ctx(this.#abort.signal),
      complete: (tx) => this.#complete(tx),
    };
  }

  /** Aborts the handler's signal. The first reason counts; after completion there is none any more. */
  abandon(why: Abandoned): void {
    if (!this.#completed && !this.#abort.signal.aborted) this.#abort.abort(new Abort(why));
  }

  /** As if it had not been claimed. */
  async giveBack(): Promise<void> {
    await this.#o.db.system.run(q.giveBack(this.#held));
  }

  /** Never rejects. */
  async run(): Promise<Outcome> {
    const { log } = this.#o;
    const begunMs = performance.now();
    let outcome: Outcome = 'stuck';
    try {
      outcome = await this.#try();
    } catch (error) {
      // The row still says that it runs: the runner gives it back when the database answers again.
      log.error('a job could not be brought to an end', { ...this.#fields(), error });
    } finally {
      if (outcome !== 'completed') this.#span.fail(outcome);
      this.#span.end();
      const duration_ms = Math.round((performance.now() - begunMs) * 100) / 100;
      const trace_id = this.#span.trace.traceId;
      log.info('a job ended', { ...this.#fields(), reason: outcome, trace_id, duration_ms });
      this.#resolveEnded();
    }
    return outcome;
  }

  async #try(): Promise<Outcome> {
    const { kind, row } = this.#o;
    if (row.crashes >= MAX_CRASHES)
      return this.#giveUp({ code: 'crashes', message: `${row.crashes} processes died with this job` });
    const { timeoutMs = TIMEOUT_MS } = kind;
    const timer = setTimeout(() => this.abandon('timeout'), timeoutMs);
    // What the handler calls need not begin what it could not finish.
    tellDeadline(this.#abort.signal, timeoutMs);
    try {
      await this.#handle();
      if (!this.#completed) await this.#o.db.inTx(this.#job.ctx, (tx) => this.#complete(tx));
      return 'completed';
    } catch (error) {
      return await this.#failed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The handler, but no longer than its signal and a grace. */
  async #handle(): Promise<void> {
    const { signal } = this.#abort;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        timer = setTimeout(() => reject(signal.reason), GRACE_MS);
      });
    });
    try {
      await Promise.race([this.#o.kind.handle(this.#job), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #complete(tx: Tx): Promise<void> {
    if ((await tx.run(q.finish(this.#held))) === 0) throw new LeaseLost(this.#held.id);
    tx.afterCommit(() => {
      this.#completed = true;
    });
  }

  async #failed(error: unknown): Promise<Outcome> {
    const { log, row, kind, delayMs, db } = this.#o;
    if (this.#completed) {
      log.warn('a job failed after it had completed', { ...this.#fields(), error });
      return 'completed';
    }
    const { signal } = this.#abort;
    const why = signal.aborted ? (signal.reason as Abort).why : undefined;
    if (why === 'cancelled') return 'cancelled';
    if (why === 'lost' || error instanceof LeaseLost) {
      log.warn('a job was taken over by another process', this.#fields());
      return 'lost';
    }
    if (why === 'stopping') {
      await this.giveBack();
      return 'given_back';
    }
    const failure = why === 'timeout' ? TIMED_OUT : describe(error);
    const failures = row.failures + 1;
    if (error instanceof PermanentError || failures >= (kind.maxAttempts ?? MAX_ATTEMPTS)) {
      log.warn('a job was given up', { ...this.#fields(), code: failure.code, error });
      return this.#giveUp(failure);
    }
    const delay = delayMs(failures);
    log.info('a job will be tried again', { ...this.#fields(), code: failure.code, delay_ms: delay, error });
    await db.system.run(q.retryLater(this.#held, delay, failure.message));
    return 'retried';
  }

  /** In one transaction: the row goes, the module is told, and a letter is left where nobody else has been told enough. */
  async #giveUp(failure: Failure): Promise<Outcome> {
    const { db, kind, row, log, delayMs } = this.#o;
    const ctx = this.#ctx(new AbortController().signal);
    try {
      await db.inTx(ctx, async (tx) => {
        if ((await tx.run(q.finish(this.#held))) === 0) throw new LeaseLost(row.id);
        await kind.onGivenUp?.(tx, { ...this.#job, ctx, complete: async () => {} }, failure);
        if (kind.onGivenUp && failure.code !== 'crashes') return;
        const attempts = row.failures + (failure.code === 'crashes' ? 0 : 1);
        await tx.run(q.buryJob({ ...row, ...failure, letterId: uuidv7(), shard: shardOf(row.tenant_id), attempts }));
        tx.afterCommit(() => this.#o.onBuried?.());
      });
      return 'given_up';
    } catch (error) {
      if (error instanceof LeaseLost) return 'lost';
      log.error('a job could not be given up, and will be tried again', { ...this.#fields(), error });
      await db.system.run(q.retryLater(this.#held, delayMs(row.failures + 1), failure.message));
      return 'retried';
    }
  }

  #ctx(signal: AbortSignal): Ctx {
    return systemCtx({ ...ctxOf(this.#o.row), signal, traceparent: formatTraceparent(this.#span.trace) });
  }

  #fields() {
    const { id, kind, fence, tenant_id, failures, crashes } = this.#o.row;
    return { job_id: id, job_kind: kind, fence, tenant_id, attempt: failures + crashes + 1 };
  }
}

const ctxOf = ({ tenant_id: tenantId, id: requestId, kind, traceparent }: q.JobRow) => ({
  ...{ tenantId, requestId, traceparent },
  id: `job:${kind}`,
});

const TIMED_OUT: Failure = { code: 'timeout', message: 'The job took too long' };
const MAX_MESSAGE = 500;

function describe(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'error', message: 'Something was thrown that is no error' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'error';
  return { code, message: error.message.slice(0, MAX_MESSAGE) };
}
