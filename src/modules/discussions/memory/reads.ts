import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import type { Live } from '../turns/live.ts';
import { contextOf, hashesOf, rangeOf } from './given.ts';
import type { TurnContext } from './schemas.ts';
import * as store from './store.ts';

/** What can be read of a discussion's memory. */
export type MemoryReads = {
  /** Exactly what the speaker was given. Throws `not_found` for a turn that was given nothing (yet). */
  context(ctx: Ctx, id: string, turn: number): Promise<TurnContext>;
};

export function memoryReads({ db, live }: { readonly db: Db; readonly live: Pick<Live, 'given'> }): MemoryReads {
  return {
    async context(ctx, id, turn) {
      const reader = db.reader(ctx);
      const found = await store.findGiven(reader, id, turn);
      // Of the attempt under way nothing is written yet. What is not this tenant's was not found.
      const now = found && live.given(id, turn);
      const given = now?.given ?? found?.given;
      if (!given)
        throw new AppError('not_found', { message: 'There is no such turn, or its speaker was given nothing.' });
      const [texts, said] = await Promise.all([
        now?.texts ?? store.findTexts(reader, id, hashesOf(given)),
        store.saidBetween(reader, id, rangeOf(given)),
      ]);
      return contextOf(turn, { given, texts, said });
    },
  };
}
