import type { Reader, Tx } from '../db/queries.ts';
import type { Jobs } from '../jobs/define.ts';
import * as q from './sql.ts';

/** What could not be handled: events of a group, with what is parked behind them, and jobs that were given up. */
export type DeadLetter = q.LetterRow;
export type DeadLetterFilter = q.LetterFilter;

/**
 * What an operator can do with dead letters. Letters of one group and stream are a queue: requeuing one requeues them
 * all, in their order, and new events of the stream come after them.
 */
export interface DeadLetters {
  /** The newest first; `before` is the id of the last one seen. */
  list(reader: Reader, query: DeadLetterFilter & { before: string | undefined; limit: number }): Promise<DeadLetter[]>;
  get(reader: Reader, id: string): Promise<DeadLetter | undefined>;
  /** Has it handled again; answers how many letters that are, 0 when there is no such letter. */
  requeue(tx: Tx, id: string): Promise<number>;
  /** All that match, jobs up to a thousand at a time; answers how many. */
  requeueAll(tx: Tx, filter: DeadLetterFilter): Promise<number>;
  /** Drops one for good. What was parked behind a failed one goes on. False when there is no such letter. */
  discard(tx: Tx, id: string): Promise<boolean>;
  /** Calls `listener` after each commit in this process that gave consumers something to handle again. */
  onRequeued(listener: () => void): void;
}

const MAX_JOBS = 1000;

export function createDeadLetters(jobs: Jobs): DeadLetters {
  const listeners: (() => void)[] = [];
  const announce = (tx: Tx) =>
    tx.afterCommit(() => {
      for (const listener of listeners) listener();
    });
  const enqueue = (tx: Tx, { group_name: kind, stream: key, body: payload }: DeadLetter) =>
    jobs.enqueue(tx, { kind, key, payload });

  return {
    list: (reader, { before, limit, ...filter }) =>
      reader.all(q.listLetters(reader.ctx.tenantId, filter, before, limit)),
    get: (reader, id) => reader.first(q.getLetter(reader.ctx.tenantId, id)),
    async requeue(tx, id) {
      const { tenantId } = tx.ctx;
      const letter = await tx.first(q.getLetter(tenantId, id));
      if (letter === undefined) return 0;
      if (letter.source === 'job') {
        // Whoever deletes it enters the job: two requeues at once make one.
        if (!(await tx.first(q.deleteLetter(tenantId, id)))) return 0;
        await enqueue(tx, letter);
        return 1;
      }
      announce(tx);
      return tx.run(q.requeueStream(tenantId, letter));
    },
    async requeueAll(tx, filter) {
      const { tenantId } = tx.ctx;
      announce(tx);
      const events = filter.source === 'job' ? 0 : await tx.run(q.requeueEvents(tenantId, filter));
      if (filter.source === 'event') return events;
      const letters = await tx.all(q.takeJobLetters(tenantId, filter, MAX_JOBS));
      for (const letter of letters) await enqueue(tx, letter);
      return events + letters.length;
    },
    async discard(tx, id) {
      const letter = await tx.first(q.deleteLetter(tx.ctx.tenantId, id));
      if (letter === undefined) return false;
      if (letter.source === 'event' && letter.status === 'failed') {
        await tx.run(q.releaseParked(tx.ctx.tenantId, letter));
        announce(tx);
      }
      return true;
    },
    onRequeued: (listener) => void listeners.push(listener),
  };
}
