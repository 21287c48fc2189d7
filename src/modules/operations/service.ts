import { timeOf } from '../../lib/ids.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db } from '../../platform/db/queries.ts';
import type { LogEvent } from '../../platform/events/define.ts';
import type { EventTypes } from '../../platform/events/registry.ts';
import { shardOf } from '../../platform/events/shards.ts';
import { AppError } from '../../platform/http/errors.ts';
import { formatCursor } from '../../platform/realtime/cursor.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import { narrower, type Range, traced } from './rules.ts';
import * as store from './store.ts';

/** A look at the log. */
export type Operations = {
  /**
   * Newest first; `next` is the position before which the next page begins, and `cursor` is where to follow the log
   * from, so that nothing between is missed.
   */
  listEvents(ctx: Ctx, query: EventQuery): Promise<{ events: LogEvent[]; next: number | undefined; cursor: string }>;
  /** Throws `not_found`, also for an event that this caller may not see. */
  event(ctx: Ctx, id: string): Promise<LogEvent>;
  /**
   * The event types that this caller may see: who signs in and who is a member is the audit record's, so the topic
   * `identity` is hidden from whoever may not read that. Undefined: all.
   */
  visibleTypes(ctx: Ctx): readonly string[] | undefined;
};

type EventQuery = store.EventQuery;

/** A transaction takes a minute at most. */
const ROOM_MS = 60_000;
/** The year 9999: PostgreSQL's and JavaScript's times both reach it. */
const LATEST_MS = 253_402_300_799_000;

export type OperationsDeps = {
  readonly db: Db;
  readonly hub: Hub;
  readonly types: EventTypes;
};

export function operationsService({ db, hub, types }: OperationsDeps): Operations {
  const visibleTypes = (ctx: Ctx) => {
    if (ctx.permissions.has('audit:read')) return undefined;
    return [...new Set(types.all().flatMap(({ type, topic }) => (topic === 'identity' ? [] : [type])))];
  };
  /** An event stands in the log by the end of its transaction, not by its time: so with some room to both sides. */
  const rangeOf = async (tenantId: string, from: Date | undefined, to: Date | undefined) => {
    if (from === undefined && to === undefined) return undefined;
    const [after, before] = [(from?.getTime() ?? 0) - ROOM_MS, (to?.getTime() ?? LATEST_MS) + ROOM_MS];
    const place = (ms: number) => new Date(Math.min(Math.max(0, ms), LATEST_MS));
    return db.system.first<Range>(store.positionsAt(shardOf(tenantId), place(after), place(before)));
  };
  return {
    visibleTypes,
    async listEvents(ctx, { types: named, from, to, limit, ...query }) {
      const cursor = await hub.cursor(ctx.tenantId);
      const visible = visibleTypes(ctx);
      const seen = visible && named ? named.filter((type) => visible.includes(type)) : (named ?? visible);
      const trace = query.trace?.toLowerCase();
      const asked = narrower(query, await rangeOf(ctx.tenantId, from ?? (trace ? new Date(0) : undefined), to));
      const window = trace ? traced(asked, Math.min(query.before ?? Infinity, cursor.position + 1)) : asked;
      const wish = { ...query, trace, types: seen, from, to, limit: limit + 1 };
      const { rows, scannedTo = window.lookedTo } = await store.listEvents(db.reader(ctx), { ...wish, ...window });
      const events = rows.slice(0, limit).map((row) => types.read(row, cursor.epoch));
      const next = rows.length > limit ? events.at(-1)?.position : scannedTo;
      return { events, next, cursor: formatCursor(cursor) };
    },
    async event(ctx, id) {
      const atMs = timeOf(id);
      const range = await rangeOf(ctx.tenantId, new Date(atMs), new Date(atMs + 1));
      const row = range && (await store.findEvent(db.reader(ctx), id, range));
      const visible = visibleTypes(ctx);
      if (!row || (visible && !visible.includes(row.type))) throw new AppError('not_found');
      return types.read(row, (await hub.cursor(ctx.tenantId)).epoch);
    },
  };
}
