import type { Db, Reader, Tx } from '../db/queries.ts';
import type { Queue } from '../jobs/queue.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import * as q from './sql.ts';

/** What could not be handled: events of a group, with what is parked behind them, and jobs that were given up. */
export type DeadLetter = q.LetterRow;
export type DeadLetterFilter = q.LetterFilter;

export type Requeued = {
  readonly requeued: number;
  /** Letters of jobs that stay: an unfinished job has their key. */
  readonly kept: number;
};

/**
 * What an operator can do with dead letters. Letters of one group and stream are a queue: requeuing one requeues them
 * all, in their order, and new events of the stream come after them.
 */
export interface DeadLetters {
  /** The newest first; `before` is the id of the last one seen. */
  list(reader: Reader, query: DeadLetterFilter & { before: string | undefined; limit: number }): Promise<DeadLetter[]>;
  get(reader: Reader, id: string): Promise<DeadLetter | undefined>;
  /** Has all that match handled again, with their streams; jobs up to a thousand at a time. */
  requeue(tx: Tx, filter: DeadLetterFilter): Promise<Requeued>;
  /** Drops what matches for good, up to a thousand. What was parked behind a failed one goes on. Answers how many. */
  discard(tx: Tx, filter: DeadLetterFilter): Promise<number>;
  /** Calls `listener` after each commit in this process that gave consumers something to handle again. */
  onRequeued(listener: () => void): void;
  /** A letter was left: for the metrics. */
  count(source: q.LetterSource, group: string): void;
}

type Deps = {
  readonly queue: Pick<Queue, 'entered'>;
  /** With both, dead letters are measured. */
  readonly metrics?: Metrics;
  readonly db?: Db;
};

const MAX_AT_ONCE = 1000;

export function createDeadLetters({ queue, metrics, db }: Deps): DeadLetters {
  const listeners: (() => void)[] = [];
  const announce = (tx: Tx) =>
    tx.afterCommit(() => {
      for (const listener of listeners) listener();
    });

  return {
    list: (reader, { before, limit, ...filter }) =>
      reader.all(q.listLetters(reader.ctx.tenantId, filter, before, limit)),
    get: (reader, id) => reader.first(q.getLetter(reader.ctx.tenantId, id)),
    async requeue(tx, filter) {
      const { tenantId } = tx.ctx;
      const events = filter.source === 'job' ? 0 : await tx.run(q.requeueStreams(tenantId, filter));
      if (events > 0) announce(tx);
      if (filter.source === 'event') return { requeued: events, kept: 0 };
      const made = await tx.all(q.reviveJobs(tenantId, filter, MAX_AT_ONCE));
      queue.entered(tx, new Set(made.map(({ kind }) => kind)));
      const held = await tx.first(q.heldUp(tenantId, filter));
      return { requeued: events + made.length, kept: held?.count ?? 0 };
    },
    async discard(tx, filter) {
      const gone = await tx.all(q.deleteLetters(tx.ctx.tenantId, filter, MAX_AT_ONCE));
      const streams = gone.filter(({ source }) => source === 'event');
      if (streams.length > 0 && (await tx.run(q.releaseParked(tx.ctx.tenantId, streams))) > 0) announce(tx);
      return gone.length;
    },
    onRequeued: (listener) => void listeners.push(listener),
    count: counter(metrics, db),
  };
}

/** The tenants that have dead letters: for whoever operates the installation. */
export const tenantsWithLetters = async (db: Db): Promise<string[]> =>
  (await db.system.all(q.tenantsWithLetters)).map(({ tenant_id }) => tenant_id);

function counter(metrics: Metrics | undefined, db: Db | undefined): DeadLetters['count'] {
  const total = metrics?.counter({
    name: 'dead_letters_total',
    help: 'Events and jobs that could not be handled and became dead letters, by group (or kind of job).',
    labels: ['source', 'group'],
  });
  metrics?.gauge({
    name: 'dead_letters_present',
    help: 'Dead letters there are now, of all tenants: failed ones, those parked behind them, and those being handled again (requeued).',
    labels: ['source', 'group', 'status'],
    async collect(gauge) {
      // Asked for when the metrics are read; a database that is away must not take the other metrics with it.
      const rows = (await db?.system.all(q.countLetters).catch(() => undefined)) ?? [];
      gauge.reset();
      for (const { source, group_name, status, count } of rows) gauge.labels(source, group_name, status).set(count);
    },
  });
  return (source, group) => total?.labels(source, group).inc();
}
