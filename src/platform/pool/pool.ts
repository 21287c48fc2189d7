import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Piscina } from 'piscina';
import { AppError } from '../http/errors.ts';
import type { Priority } from '../jobs/define.ts';
import type { Service } from '../lifecycle.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { PriorityQueue } from './queue.ts';

/** Work for a thread: a file whose default export is a pure function of `{ input }`, which is copied to it. */
export type CpuTask<I, O> = {
  /** For the metrics. */
  readonly name: string;
  readonly file: URL;
  /** Never there: what goes in and what comes out. */
  readonly types?: (input: I) => O;
};

type RunOptions = {
  /** Aborted while it waits, it is not begun; while it runs, its thread is ended. */
  readonly signal?: AbortSignal;
  /** Who waits for a thread less long. Default normal. */
  readonly priority?: Priority;
};

/**
 * Threads for what would hold the event loop up. Copying costs some 40 µs and 1 ms a megabyte, the first task 40 ms: so
 * only for what computes longer than that.
 */
export interface Pool extends Service {
  /** Rejects with `overloaded` when too much waits already, and with the signal's reason when that aborts. */
  run<I, O>(task: CpuTask<I, O>, input: I, options?: RunOptions): Promise<O>;
}

type PoolOptions = {
  readonly metrics?: Metrics;
  /** Default: a thread less than there are cores, 1 to 4. */
  readonly threads?: number;
  /** Tasks that may wait for a thread. Default 64. */
  readonly maxWaiting?: number;
};

const MAX_WAITING = 64;
const MAX_THREADS = 4;
/** A thread that has nothing to do is kept for so long: it costs 10 MB. */
const IDLE_MS = 30_000;
/** A task that needs more takes its thread down with it, not the process. */
const MAX_HEAP_MB = 512;

export const createPool = (options: PoolOptions = {}): Pool => new ThreadPool(options);

class ThreadPool implements Pool {
  readonly name = 'pool';
  readonly #threads: number;
  readonly #maxWaiting: number;
  readonly #count: ReturnType<typeof meter>;
  #piscina: Promise<Piscina> | undefined;
  #begun = 0;
  #stopped = false;

  constructor({ metrics, threads, maxWaiting = MAX_WAITING }: PoolOptions) {
    this.#threads = threads ?? Math.min(MAX_THREADS, Math.max(1, availableParallelism() - 1));
    this.#maxWaiting = maxWaiting;
    this.#count = meter(metrics, () => ({
      running: Math.min(this.#begun, this.#threads),
      waiting: Math.max(0, this.#begun - this.#threads),
    }));
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopped = true;
    const piscina = await this.#piscina;
    this.#piscina = undefined;
    await piscina?.destroy();
  }

  async run<I, O>(task: CpuTask<I, O>, input: I, { signal, priority = 'normal' }: RunOptions = {}): Promise<O> {
    signal?.throwIfAborted();
    if (this.#stopped) throw new AppError('unavailable', { message: 'The server is stopping.' });
    if (this.#begun >= this.#threads + this.#maxWaiting) {
      this.#count(task.name, 'refused');
      throw new AppError('overloaded', { message: 'Too much waits to be computed already.' });
    }
    this.#begun++;
    const begunMs = performance.now();
    let outcome = 'failed';
    try {
      const { piscina, ask } = await this.#open();
      const options = { filename: fileURLToPath(task.file), ...(signal && { signal }) };
      const result: O = await piscina.run(ask(input, priority), options);
      outcome = 'done';
      return result;
    } catch (error) {
      if (signal?.aborted) {
        outcome = 'aborted';
        throw signal.reason;
      }
      if (this.#stopped) throw new AppError('unavailable', { message: 'The server is stopping.' });
      throw error;
    } finally {
      this.#begun--;
      this.#count(task.name, outcome, (performance.now() - begunMs) / 1000);
    }
  }

  /** Piscina takes 30 ms to load: only where something is to be computed. */
  async #open() {
    const { Piscina: Pool } = await import('piscina');
    const key = Pool.queueOptionsSymbol;
    this.#piscina ??= Promise.resolve(
      new Pool({
        minThreads: 0,
        maxThreads: this.#threads,
        idleTimeout: IDLE_MS,
        maxQueue: this.#maxWaiting + this.#threads,
        taskQueue: new PriorityQueue(key),
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      }),
    );
    // The symbol is for the queue alone: it does not travel with the copy.
    const ask = <I>(input: I, priority: Priority) => ({ input, [key]: { priority } });
    return { piscina: await this.#piscina, ask };
  }
}

/** Queue and thread together: 1 ms to 10 s. */
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

function meter(metrics: Metrics | undefined, state: () => { running: number; waiting: number }) {
  metrics?.gauge({
    name: 'pool_tasks',
    help: 'Tasks on the threads for computing (running), and those that wait for one (waiting).',
    labels: ['state'],
    collect: (gauge) => {
      for (const [name, count] of Object.entries(state())) gauge.labels(name).set(count);
    },
  });
  const total = metrics?.counter({
    name: 'pool_tasks_total',
    help: 'Tasks for the threads by how they ended: done, failed, aborted, or refused because too many waited.',
    labels: ['task', 'outcome'],
  });
  const seconds = metrics?.histogram({
    name: 'pool_task_seconds',
    help: 'From the asking to the answer of a task for the threads.',
    labels: ['task'],
    buckets: SECONDS,
  });
  return (task: string, outcome: string, took?: number) => {
    total?.labels(task, outcome).inc();
    if (took !== undefined) seconds?.labels(task).observe(took);
  };
}
