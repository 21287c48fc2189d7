import type { Ctx } from '../../platform/context.ts';
import type { Reader } from '../../platform/db/queries.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import { formatCursor } from '../../platform/realtime/cursor.ts';
import { missing } from './interventions/enter.ts';
import { messagesAfter, messagesBefore } from './log/store.ts';
import { discussionFacts, discussionOf, messageOf, turnOf } from './present.ts';
import type { Discussions, DiscussionsDeps, MessageQuery, TurnQuery } from './service.ts';
import * as store from './store.ts';
import { snapshotFrame } from './turns/live.ts';
import { findPartial, turnsAfter, turnsBefore } from './turns/store.ts';

export function reads(
  deps: DiscussionsDeps,
): Pick<Discussions, 'get' | 'list' | 'messages' | 'turns' | 'joining' | 'exists'> {
  const { db, hub, clock, cursors, live, elsewhere } = deps;
  const cursorNow = async (ctx: Ctx) => formatCursor(await hub.cursor(ctx.tenantId));
  const mustExist = async (reader: Reader, id: string) => {
    const row = await store.findDiscussion(reader, id);
    if (!row) throw missing();
    return row;
  };
  return {
    async get(ctx, id) {
      const cursor = await cursorNow(ctx);
      return discussionOf(await mustExist(db.reader(ctx), id), { now: clock.now(), cursor });
    },

    async list(ctx, query) {
      const status = query.status ?? null;
      const scope = { tenantId: ctx.tenantId, list: 'discussions', filter: { status } };
      const before = query.cursor === undefined ? null : (cursors.decode(scope, query.cursor) as string);
      const cursor = await cursorNow(ctx);
      const rows = await store.listDiscussions(db.reader(ctx), { status, before, limit: query.limit + 1 });
      const items = rows.slice(0, query.limit);
      const last = items.at(-1);
      const next_cursor = rows.length > items.length && last ? cursors.encode(scope, last.id) : null;
      return { items: items.map((row) => discussionFacts(row, clock.now())), next_cursor, cursor };
    },

    async messages(ctx, id, query) {
      if (query.after_seq !== undefined && query.before_seq !== undefined)
        throw validationFailed([
          { in: 'query', field: 'before_seq', rule: 'not', message: 'Give after_seq or before_seq, not both.' },
        ]);
      const scope = { tenantId: ctx.tenantId, list: 'messages', filter: { id } };
      const from = query.cursor === undefined ? query : (cursors.decode(scope, query.cursor) as MessageQuery);
      const cursor = await cursorNow(ctx);
      const reader = db.reader(ctx);
      const forward = from.before_seq === undefined;
      const range = { seq: (forward ? from.after_seq : from.before_seq) ?? 0, limit: query.limit + 1 };
      const rows = await (forward ? messagesAfter(reader, id, range) : messagesBefore(reader, id, range));
      if (rows.length === 0) await mustExist(reader, id);
      const page = rows.slice(0, query.limit);
      const last = page.at(-1)?.seq;
      const more = rows.length > page.length && last !== undefined;
      const next_cursor = more ? cursors.encode(scope, forward ? { after_seq: last } : { before_seq: last }) : null;
      return { items: (forward ? page : page.reverse()).map(messageOf), next_cursor, cursor };
    },

    async turns(ctx, id, query) {
      if (query.after_turn !== undefined && query.before_turn !== undefined)
        throw validationFailed([
          { in: 'query', field: 'before_turn', rule: 'not', message: 'Give after_turn or before_turn, not both.' },
        ]);
      const scope = { tenantId: ctx.tenantId, list: 'turns', filter: { id } };
      const from = query.cursor === undefined ? query : (cursors.decode(scope, query.cursor) as TurnQuery);
      const cursor = await cursorNow(ctx);
      const reader = db.reader(ctx);
      const forward = from.before_turn === undefined;
      const range = { turn: (forward ? from.after_turn : from.before_turn) ?? 0, limit: query.limit + 1 };
      const rows = await (forward ? turnsAfter(reader, id, range) : turnsBefore(reader, id, range));
      if (rows.length === 0) await mustExist(reader, id);
      const page = rows.slice(0, query.limit);
      const last = page.at(-1)?.turn;
      const more = rows.length > page.length && last !== undefined;
      const next_cursor = more ? cursors.encode(scope, forward ? { after_turn: last } : { before_turn: last }) : null;
      return { items: (forward ? page : page.reverse()).map(turnOf), next_cursor, cursor };
    },

    exists: async (ctx, id) => (await store.findDiscussion(db.reader(ctx), id)) !== undefined,

    async joining(ctx, id) {
      const reader = db.reader(ctx);
      const row = await mustExist(reader, id);
      const kept = row.status === 'running' ? await findPartial(reader, id, row.turn) : undefined;
      return () => {
        const now = live.snapshot(id) ?? elsewhere.snapshot(id);
        if (now) return [now];
        return kept ? [snapshotFrame(id, { ...kept, participantId: kept.participant_id })] : [];
      };
    },
  };
}
