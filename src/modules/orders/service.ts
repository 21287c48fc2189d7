import type { Clock } from '../../lib/clock.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db, Tx } from '../../platform/db/queries.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Cursors } from '../../platform/http/paging.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import type { Jobs } from '../../platform/jobs/define.ts';
import { formatCursor } from '../../platform/realtime/cursor.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import { enqueueSettle, make, stateOf, write } from './moves.ts';
import type { PaymentService } from './payment/contract.ts';
import type { Shelf } from './placing/deal.ts';
import { type Asked, place, reach } from './placing/place.ts';
import { factsOf, orderOf } from './present.ts';
import { firstIdAt } from './rules.ts';
import type { ListOrders, Order, OrderFacts } from './schemas.ts';
import * as store from './store.ts';

export type OrderPage = { items: OrderFacts[]; next_cursor: string | null; cursor: string };

/** What customers of a tenant order, from the shelf to the door. */
export type Orders = {
  /**
   * Holds the pieces and fixes the prices of orders of one tenant, in their order, each by itself. Refuses with
   * `validation_failed` what cannot be ordered together, with `out_of_stock` and its lines what there is not enough of.
   * Throws `unavailable` where nobody takes payments.
   */
  create(tx: Tx, asked: readonly Asked[], shelves: readonly Shelf[]): Promise<PromiseSettledResult<Order>[]>;
  /** Locks the stock of all that is asked for. `create` is given it. */
  reach(tx: Tx, asked: readonly Pick<Asked, 'body'>[]): Promise<Shelf[]>;
  /** Throws `not_found`. */
  get(ctx: Ctx, id: string): Promise<Order>;
  /** Newest first. Throws `invalid_cursor`. */
  list(ctx: Ctx, query: ListOrders): Promise<OrderPage>;
  /** Its pieces go back on the shelf, and its money to the customer. Twice is fine. Throws `not_found`, `conflict`. */
  cancel(ctx: Ctx, id: string, reason: string | null): Promise<Order>;
  /** A paid order left the house. Twice is fine. Throws `not_found`, `conflict`. */
  fulfil(ctx: Ctx, id: string, tracking: string | null): Promise<Order>;
  /** Asks for a payment anew that was refused. Does nothing while it is asked for. Throws `not_found`, `conflict`. */
  pay(ctx: Ctx, id: string): Promise<Order>;
  exists(ctx: Ctx, id: string): Promise<boolean>;
};

export type OrdersDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: Pick<Hub, 'cursor' | 'tap'>;
  readonly jobs: Jobs;
  readonly cursors: Cursors;
  readonly service: PaymentService | undefined;
  /** How long the pieces of an order are held unpaid. */
  readonly expiryMs: number;
};

/** What a stranger is told, too. */
export const missing = () => new AppError('not_found', { message: 'There is no such order.' });

export function ordersService(deps: OrdersDeps): Orders {
  const { db, clock, hub, jobs, service, expiryMs } = deps;
  const cursorNow = async (ctx: Ctx) => formatCursor(await hub.cursor(ctx.tenantId));

  /** One change of a locked order. `act` answers its new row, or the same where there is nothing to do. */
  async function change(ctx: Ctx, id: string, act: (tx: Tx, row: store.OrderRow) => Promise<store.OrderRow>) {
    const cursor = await cursorNow(ctx);
    const row = await db.inTx(ctx, async (tx) => {
      const locked = await store.lockOrder(tx, id);
      if (locked === undefined) throw missing();
      return act(tx, locked);
    });
    return orderOf(row, cursor);
  }

  return {
    reach,

    async create(tx, asked, shelves) {
      if (service === undefined)
        throw new AppError('unavailable', {
          message: 'Orders cannot be paid here: whoever runs this server has to set PAYMENT_URL.',
          headers: { 'retry-after': '60' },
        });
      // Before the commit, so that whoever follows from there sees the order's first event.
      const cursor = await cursorNow(tx.ctx);
      const placed = place(tx, asked, { shelves, nowMs: clock.now().getTime(), expiryMs });
      return placed.map((one) =>
        one.status === 'rejected' ? one : { status: 'fulfilled', value: orderOf(one.value, cursor) },
      );
    },

    async get(ctx, id) {
      const cursor = await cursorNow(ctx);
      const row = await store.findOrder(db.reader(ctx), id);
      if (row === undefined) throw missing();
      return orderOf(row, cursor);
    },

    list: (ctx, query) => list(deps, ctx, query),

    cancel: (ctx, id, reason) =>
      change(ctx, id, async (tx, row) => {
        if (row.status === 'cancelled') return row;
        return make(tx, row, { move: 'cancel', now: clock.now(), reason, jobs });
      }),

    fulfil: (ctx, id, tracking) =>
      change(ctx, id, async (tx, row) => {
        if (row.status === 'fulfilled') return row;
        return make(tx, row, { move: 'fulfil', now: clock.now(), tracking, jobs });
      }),

    pay: (ctx, id) =>
      change(ctx, id, async (tx, row) => {
        if (row.status === 'paid' || row.status === 'fulfilled') return row;
        if (row.status !== 'pending')
          throw new AppError('conflict', {
            message: `The order is ${row.status}, and cannot be paid any more.`,
            details: { status: row.status },
          });
        if (row.payment_status !== 'failed') return row;
        await enqueueSettle(tx, jobs, id);
        return write(tx, row, {
          ...stateOf(row),
          ...{ status_reason: null, payment_status: 'none', payment_reference: null, payment_error: null },
          payment_round: row.payment_round + 1,
        });
      }),

    exists: (ctx, id) => store.orderExists(db.reader(ctx), id),
  };
}

async function list({ db, hub, cursors }: OrdersDeps, ctx: Ctx, query: ListOrders): Promise<OrderPage> {
  const { cursor: after, limit, ...filter } = query;
  const scope = { tenantId: ctx.tenantId, list: 'orders', filter };
  const last = after === undefined ? undefined : (cursors.decode(scope, after) as string);
  const cursor = formatCursor(await hub.cursor(ctx.tenantId));
  const rows = await store.listOrders(db.reader(ctx), {
    status: filter.status ?? null,
    customer: filter.customer?.toLowerCase() ?? null,
    productId: filter.product_id ?? null,
    from: firstIdAt(msOf('from', filter.from) ?? 0),
    before: last ?? firstIdAt(msOf('to', filter.to) ?? Number.POSITIVE_INFINITY),
    limit: limit + 1,
  });
  const items = rows.slice(0, limit);
  const lowest = items.at(-1);
  const next_cursor = rows.length > limit && lowest ? cursors.encode(scope, lowest.id) : null;
  return { items: items.map(factsOf), next_cursor, cursor };
}

function msOf(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (ms < 0) throw validationFailed([{ in: 'query', field, rule: 'minimum', message: 'must not be before 1970' }]);
  return ms;
}
