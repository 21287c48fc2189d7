import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetters,
  Requeued,
} from '../../../platform/dead-letters/dead-letters.ts';
import { AppError } from '../../../platform/http/errors.ts';

/** What a tenant can do with its dead letters. */
export type Letters = {
  list(ctx: Ctx, query: DeadLetterFilter & { before: string | undefined; limit: number }): Promise<DeadLetter[]>;
  /** Throws `not_found`. */
  get(ctx: Ctx, id: string): Promise<DeadLetter>;
  /** One, with all that wait in the same stream. Throws `not_found`, and `conflict` where its key has a job already. */
  requeue(ctx: Ctx, id: string): Promise<Requeued>;
  /** All that match, whole streams in their order; of jobs a thousand at a time. */
  requeueAll(ctx: Ctx, filter: DeadLetterFilter): Promise<Requeued>;
  /** Throws `not_found`. */
  discard(ctx: Ctx, id: string): Promise<void>;
  /** Up to a thousand that match. Answers how many. */
  discardAll(ctx: Ctx, filter: DeadLetterFilter): Promise<number>;
};

export function lettersService({ db, deadLetters }: { db: Db; deadLetters: DeadLetters }): Letters {
  const find = async (ctx: Ctx, id: string) => {
    const letter = await deadLetters.get(db.reader(ctx), id);
    if (letter === undefined) throw new AppError('not_found');
    return letter;
  };
  return {
    list: (ctx, query) => deadLetters.list(db.reader(ctx), query),
    get: find,
    async requeue(ctx, id) {
      const { source, status } = await find(ctx, id);
      const done = await db.inTx(ctx, (tx) => deadLetters.requeue(tx, { ids: [id] }));
      if (done.kept > 0)
        throw new AppError('conflict', { message: 'An unfinished job has its key: wait for its end.' });
      // Gone meanwhile: requeued by somebody else, or discarded. An event that is on its way already is no mistake.
      if (done.requeued === 0 && (source === 'job' || status !== 'requeued')) throw new AppError('not_found');
      return done;
    },
    requeueAll: (ctx, filter) => db.inTx(ctx, (tx) => deadLetters.requeue(tx, filter)),
    async discard(ctx, id) {
      if ((await db.inTx(ctx, (tx) => deadLetters.discard(tx, { ids: [id] }))) === 0) throw new AppError('not_found');
    },
    discardAll: (ctx, filter) => db.inTx(ctx, (tx) => deadLetters.discard(tx, filter)),
  };
}
