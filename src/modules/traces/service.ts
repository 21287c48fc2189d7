import type { Ctx } from '../../platform/context.ts';
import type { Db } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import { generationRecorded } from './events.ts';
import { type PricedUsage, priceOf } from './prices.ts';
import type { Filters, Generation } from './schemas.ts';
import * as store from './store.ts';

/** A model call that ended, one way or another. */
export type GenerationRecord = Omit<store.GenerationRow, 'actor_kind' | 'actor_id' | 'trace_id'>;

/** What models did, cost and took. */
export type Traces = {
  /**
   * Keeps a generation and announces it, in a transaction of its own: also when `ctx.signal` has aborted, since that
   * is how many generations end.
   */
  record(ctx: Ctx, generation: GenerationRecord): Promise<void>;
  /** Nano-dollars, or null when no price is known. */
  price(usage: PricedUsage, at: Date): Promise<number | null>;
  /** Throws `not_found`. */
  get(ctx: Ctx, id: string): Promise<Generation>;
  /** The newest first; `before` is the id of the last one seen. */
  list(ctx: Ctx, query: Filters & { before: string | undefined; limit: number }): Promise<Generation[]>;
};

/** How long the record of a generation may take to be written. */
const RECORD_TIMEOUT_MS = 10_000;

const present = ({ actor_kind, actor_id, created_at, ...row }: store.GenerationRow): Generation => ({
  ...row,
  actor: { kind: actor_kind, id: actor_id },
  created_at: created_at.toISOString(),
});

export function tracesService(db: Db): Traces {
  return {
    record: (ctx, generation) =>
      db.inTx({ ...ctx, signal: AbortSignal.timeout(RECORD_TIMEOUT_MS) }, async (tx) => {
        const row = {
          ...generation,
          actor_kind: ctx.actor.kind,
          actor_id: ctx.actor.id,
          trace_id: ctx.trace.traceId,
        };
        await store.insertGeneration(tx, row);
        append(tx, generationRecorded, {
          stream: `models/${row.id}`,
          subject: row.id,
          data: {
            generation_id: row.id,
            model: row.model,
            provider: row.provider,
            rehearsal: row.rehearsal,
            kind: row.kind,
            status: row.status,
            error_code: row.error_code,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cost_nano_usd: row.cost_nano_usd,
            time_to_first_token_ms: row.time_to_first_token_ms,
            duration_ms: row.duration_ms,
            agent_id: row.agent_id,
            discussion_id: row.discussion_id,
            turn: row.turn,
          },
        });
      }),

    price: priceOf,

    async get(ctx, id) {
      const row = await store.findGeneration(db.reader(ctx), id);
      if (!row) throw new AppError('not_found', { message: 'There is no such generation.' });
      return present(row);
    },

    list: async (ctx, query) => (await store.listGenerations(db.reader(ctx), query)).map(present),
  };
}
