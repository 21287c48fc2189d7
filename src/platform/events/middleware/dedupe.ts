import type { Db, Tx } from '../../db/queries.ts';
import type { Consumer } from '../consumer.ts';
import { Fenced, type Handle } from './delivery.ts';

/** Answers, inside the effect's transaction, whether this holder still counts and whether the event is new to it. */
export type Take = (tx: Tx) => Promise<{ held: boolean; fresh: boolean } | undefined>;

type Options = {
  readonly db: Db;
  readonly consumer: Consumer;
  readonly take: Take;
  /** It had been handled before: nothing was done. */
  readonly onRepeat?: () => void;
};

/** Opens the effect's own transaction, and runs the handler in it only if nobody has handled the event before. */
export function deduped({ db, consumer, take, onRepeat }: Options): Handle {
  return ({ event, ctx }) =>
    db.inTx(ctx, async (tx) => {
      const taken = await take(tx);
      if (!taken?.held) throw new Fenced(consumer.group);
      if (taken.fresh) await consumer.handle(tx, event);
      else onRepeat?.();
    });
}
