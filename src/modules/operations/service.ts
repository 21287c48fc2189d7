import type { Ctx } from '../../platform/context.ts';
import type { Db } from '../../platform/db/queries.ts';
import type { DeadLetter, DeadLetterFilter, DeadLetters } from '../../platform/events/dead-letters.ts';
import type { LogEvent } from '../../platform/events/define.ts';
import type { EventTypes } from '../../platform/events/registry.ts';
import { AppError } from '../../platform/http/errors.ts';
import { formatCursor } from '../../platform/realtime/cursor.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import * as store from './store.ts';

/** A look at the log, and a way to deal with what could not be handled. */
export type Operations = {
  /** Newest first; `cursor` is where to follow the log from, so that nothing between is missed. */
  listEvents(ctx: Ctx, query: Omit<store.EventQuery, 'types'>): Promise<{ events: LogEvent[]; cursor: string }>;
  /**
   * The event types that this caller may see: who signs in and who is a member is the audit record's, so the topic
   * `identity` is hidden from whoever may not read that. Undefined: all.
   */
  visibleTypes(ctx: Ctx): readonly string[] | undefined;
  deadLetters(ctx: Ctx, query: DeadLetterFilter & { before: string | undefined; limit: number }): Promise<DeadLetter[]>;
  /** Throws `not_found`; the others, too. */
  deadLetter(ctx: Ctx, id: string): Promise<DeadLetter>;
  /** With all that wait in the same stream. Answers how many. */
  requeue(ctx: Ctx, id: string): Promise<number>;
  requeueAll(ctx: Ctx, filter: DeadLetterFilter): Promise<number>;
  discard(ctx: Ctx, id: string): Promise<void>;
};

export type OperationsDeps = {
  readonly db: Db;
  readonly hub: Hub;
  readonly types: EventTypes;
  readonly deadLetters: DeadLetters;
};

export function operationsService({ db, hub, types, deadLetters }: OperationsDeps): Operations {
  const visibleTypes = (ctx: Ctx) => {
    if (ctx.permissions.has('audit:read')) return undefined;
    return [...new Set(types.all().flatMap(({ type, topic }) => (topic === 'identity' ? [] : [type])))];
  };
  return {
    visibleTypes,
    async listEvents(ctx, query) {
      const cursor = await hub.cursor(ctx.tenantId);
      const rows = await store.listEvents(db.reader(ctx), { ...query, types: visibleTypes(ctx) });
      return { events: rows.map((row) => types.read(row, cursor.epoch)), cursor: formatCursor(cursor) };
    },
    deadLetters: (ctx, query) => deadLetters.list(db.reader(ctx), query),
    async deadLetter(ctx, id) {
      const letter = await deadLetters.get(db.reader(ctx), id);
      if (letter === undefined) throw new AppError('not_found');
      return letter;
    },
    async requeue(ctx, id) {
      const count = await db.inTx(ctx, (tx) => deadLetters.requeue(tx, id));
      if (count === 0) throw new AppError('not_found');
      return count;
    },
    requeueAll: (ctx, filter) => db.inTx(ctx, (tx) => deadLetters.requeueAll(tx, filter)),
    async discard(ctx, id) {
      if (!(await db.inTx(ctx, (tx) => deadLetters.discard(tx, id)))) throw new AppError('not_found');
    },
  };
}
