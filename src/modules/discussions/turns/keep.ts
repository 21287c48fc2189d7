import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import type { Logger } from '../../../platform/telemetry/log.ts';
import { storable } from './cut.ts';
import { type Kept, saveKept } from './store.ts';

/** How long a text waits for those of other discussions. */
const GATHER_MS = 500;

/** Keeps what was said so far in a turn. Resolves when it is kept, or could not be: the turn does not depend on it. */
export type Keep = (ctx: Ctx, text: Kept) => Promise<void>;

/** A tenant's texts of half a second go in one statement: 200 agents who speak at once are two writes a second, not 200. */
export function createKeep({ db, log }: { readonly db: Db; readonly log: Logger }): Keep {
  const gathering = new Map<string, { readonly texts: Kept[]; readonly kept: Promise<void> }>();
  const signal = new AbortController().signal;

  const save = async (ctx: Ctx, texts: readonly Kept[]) => {
    try {
      await db.inTx({ ...ctx, signal }, (tx) => saveKept(tx, texts));
    } catch (error) {
      // It only serves who joins elsewhere.
      log.warn('The text so far of some turns could not be kept', { tenant_id: ctx.tenantId, error });
    }
  };

  return (ctx, text) => {
    const { tenantId } = ctx;
    const known = gathering.get(tenantId);
    const texts = known?.texts ?? [];
    texts.push({ ...text, text: storable(text.text) });
    if (known) return known.kept;
    const kept = new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        gathering.delete(tenantId);
        resolve(save(ctx, texts));
      }, GATHER_MS);
      // A server that stops does not wait for it.
      timer.unref();
    });
    gathering.set(tenantId, { texts, kept });
    return kept;
  };
}
