import { uuidv7 } from '../../lib/ids.ts';
import type { Tx } from '../db/queries.ts';
import { formatTraceparent } from '../telemetry/trace.ts';
import type { Jobs } from './define.ts';
import type { Notices } from './notices.ts';
import * as q from './sql.ts';

/** The modules' side of jobs, and what the runner hears of it. */
export interface Queue extends Jobs {
  /** Calls `listener` after each commit in this process that made a job due or took one back. */
  listen(listener: QueueListener): void;
  /** Jobs of these kinds were entered in this transaction by other means. */
  entered(tx: Tx, kinds: Iterable<string>): void;
  /** Another process made jobs of these kinds due. */
  wake(kinds: readonly string[]): void;
}

type QueueListener = {
  enqueued(kind: string): void;
  /** The job's row is gone; whoever runs it here should stop. */
  cancelled(jobId: string): void;
};

const MAX_KEY = 500;

type Others = {
  /** Who this process is in `jobs.holder`. */
  readonly processId: string;
  /** Tells other processes; see `Notices`. */
  readonly notices: Pick<Notices, 'tell'>;
  /** Jobs of this kind are due, and nobody in this process takes them. */
  readonly onDue?: (kind: string) => void;
};

/** Without `others`, those who run in another process find out by their poll. */
export function createQueue(others?: Others): Queue {
  const listeners: QueueListener[] = [];
  const entered = (tx: Tx, kinds: Iterable<string>) =>
    tx.afterCommit(() => {
      for (const kind of kinds) {
        for (const listener of listeners) listener.enqueued(kind);
        others?.onDue?.(kind);
      }
    });
  const cancel: Jobs['cancel'] = async (tx, kind, key) => {
    const row = await tx.first<{ id: string; holder: string | null }>(q.remove(tx.ctx.tenantId, kind, key));
    if (!row) return false;
    tx.afterCommit(() => {
      for (const listener of listeners) listener.cancelled(row.id);
      if (others && row.holder !== null && row.holder !== others.processId) others.notices.tell(row.id);
    });
    return true;
  };
  return {
    entered,
    listen: (listener) => void listeners.push(listener),
    wake(kinds) {
      for (const { enqueued } of listeners) for (const kind of kinds) enqueued(kind);
    },
    async enqueue(tx, job) {
      const asked = newJob(tx, job);
      entered(tx, [job.kind]);
      for (;;) {
        // The statement sees neither its own row nor the other's only while that other is just being finished.
        const row = await tx.first<{ id: string }>(q.enqueue(asked));
        if (row) return row.id;
        tx.ctx.signal.throwIfAborted();
      }
    },
    async replace(tx, job) {
      const asked = newJob(tx, job);
      entered(tx, [job.kind]);
      for (;;) {
        await cancel(tx, job.kind, job.key);
        // Another transaction's, committed since: it may be running already, and have read what is yet to be changed here.
        const row = await tx.first<{ id: string }>(q.enqueue(asked));
        if (row?.id === asked.id) return row.id;
        tx.ctx.signal.throwIfAborted();
      }
    },
    cancel,
  };
}

function newJob(tx: Tx, { kind, key, payload, runAt }: Parameters<Jobs['enqueue']>[1]) {
  if (key.length > MAX_KEY) throw new Error(`The key of a ${kind} job is longer than ${MAX_KEY} characters`);
  const { tenantId, trace } = tx.ctx;
  return { tenantId, id: uuidv7(), kind, key, payload, runAt, traceparent: formatTraceparent(trace) };
}
