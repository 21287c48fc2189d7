import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { missing } from '../interventions/enter.ts';
import { findDiscussion } from '../store.ts';
import type { Live } from '../turns/live.ts';
import { contextOf, hashesOf, rangeOf } from './given.ts';
import type { DiscussionMemory, TurnContext } from './schemas.ts';
import * as store from './store.ts';
import { memoryOf } from './window.ts';

const summaryOf = (row: store.SummaryRow): DiscussionMemory['summary'] => ({
  up_to_seq: row.up_to_seq,
  text: row.text,
  model: row.model,
  usage: { input_tokens: row.input_tokens, output_tokens: row.output_tokens, cost_nano_usd: row.cost_nano_usd },
  created_at: row.created_at.toISOString(),
});

/** What can be read of a discussion's memory. */
export type MemoryReads = {
  /** Exactly what the speaker was given. Throws `not_found` for a turn that was given nothing (yet). */
  context(ctx: Ctx, id: string, turn: number): Promise<TurnContext>;
  /** Throws `not_found`. */
  memory(ctx: Ctx, id: string): Promise<DiscussionMemory>;
};

export function memoryReads({ db, live }: { readonly db: Db; readonly live: Pick<Live, 'given'> }): MemoryReads {
  return {
    async context(ctx, id, turn) {
      const reader = db.reader(ctx);
      const found = await store.findGiven(reader, id, turn);
      // Of the attempt under way nothing is written yet. What is not this tenant's was not found.
      const now = found && live.given(id, turn);
      const given = now?.given ?? found?.given;
      if (!given || !isOpenTo(ctx, given.participant_id))
        throw new AppError('not_found', { message: 'There is no such turn, or its speaker was given nothing.' });
      mayReadWhatItQuotes(ctx);
      const [texts, said] = await Promise.all([
        now?.texts ?? store.findTexts(reader, id, hashesOf(given)),
        store.saidBetween(reader, id, rangeOf(given)),
      ]);
      return contextOf(turn, { given, texts, said });
    },

    async memory(ctx, id) {
      const reader = db.reader(ctx);
      const [row, newest] = await Promise.all([findDiscussion(reader, id), store.findSummary(reader, id)]);
      if (!row) throw missing();
      const { window, retrieval } = memoryOf(row.memory);
      return { window, summary: newest ? summaryOf(newest) : null, retrieval };
    },
  };
}

/** It quotes the agent's instructions and the documents: a key that opens neither does not open them here. */
function mayReadWhatItQuotes({ actor, permissions }: Ctx): void {
  if (actor.kind === 'api_key' && actor.confinedTo !== undefined) return;
  const lacks = (['agents:read', 'documents:read'] as const).filter((permission) => !permissions.has(permission));
  if (lacks.length === 0) return;
  const message = `What a speaker was given is read with ${lacks.join(' and ')} too.`;
  throw new AppError('permission_denied', { message, details: { permission: lacks[0] } });
}

/** A seat's key reads what its own participant was given: instructions of the others are not for outsiders. */
function isOpenTo({ actor }: Ctx, participantId: string): boolean {
  const confinedTo = actor.kind === 'api_key' ? actor.confinedTo : undefined;
  return confinedTo === undefined || confinedTo.participant_id === participantId;
}
