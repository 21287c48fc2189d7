import { uuidv7 } from '../../../lib/ids.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/queries.ts';
import { onBehalfOf } from '../../../platform/db/tx.ts';
import { append } from '../../../platform/events/outbox.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { type FieldFault, validationFailed } from '../../../platform/http/validation.ts';
import { orderCreated } from '../events.ts';
import { numberOf } from '../rules.ts';
import type { CreateOrder } from '../schemas.ts';
import type { OrderRow } from '../store.ts';
import { dealOut, type Refusal, type Shelf } from './deal.ts';
import { lockShelves, type NewOrder, writeOrders } from './store.ts';

/** An order that somebody asks for. */
export type Asked = { readonly ctx: Ctx; readonly body: CreateOrder };

type Terms = { readonly shelves: readonly Shelf[]; readonly nowMs: number; readonly expiryMs: number };

/** Locks the stock of all that is asked for, and tells what there is. */
export function reach(tx: Tx, asked: readonly Pick<Asked, 'body'>[]): Promise<Shelf[]> {
  return lockShelves(tx, [...new Set(asked.flatMap(({ body }) => body.lines.map(({ product_id }) => product_id)))]);
}

/**
 * Places orders of one tenant on shelves that the transaction has locked, in the order in which they came: everything that
 * one asks for is held for it, or nothing is, whatever becomes of the others. What is written goes with the commit.
 */
export function place(tx: Tx, asked: readonly Asked[], terms: Terms): PromiseSettledResult<OrderRow>[] {
  const { deals, taken } = dealOut(
    asked.map(({ body }) => body.lines),
    terms.shelves,
  );
  const orders: NewOrder[] = [];
  const settled = deals.map((deal, at): PromiseSettledResult<OrderRow> => {
    if (!deal.placed) return { status: 'rejected', reason: refused(deal.refusal) };
    const order = newOrder(asked[at] as Asked, deal, terms);
    orders.push(order);
    announce(onBehalfOf(tx, (asked[at] as Asked).ctx), order);
    return { status: 'fulfilled', value: rowOf(order) };
  });
  if (orders.length > 0) tx.send(writeOrders(tx.ctx.tenantId, orders, taken));
  return settled;
}

function newOrder(
  { ctx: { actor }, body: { customer = null, metadata = {} } }: Asked,
  { lines, total, currency }: Pick<NewOrder, 'lines' | 'total' | 'currency'>,
  { nowMs, expiryMs }: Terms,
): NewOrder {
  return {
    ...{ id: uuidv7(nowMs), lines, total, currency, customer, metadata },
    ...{ createdAt: new Date(nowMs), expiresAt: new Date(nowMs + expiryMs) },
    createdBy: { kind: actor.kind, id: actor.id },
  };
}

function announce(tx: Tx, { id, lines, total: amount, currency, expiresAt, createdBy: by }: NewOrder): void {
  append(tx, orderCreated, {
    stream: `orders/${id}`,
    subject: id,
    data: {
      ...{ order_id: id, number: numberOf(id), status: 'pending', version: 1 },
      lines: lines.map(({ product_id, quantity, revision }) => ({ product_id, quantity, revision })),
      ...{ amount, currency, expires_at: expiresAt.toISOString(), by },
    },
  });
}

const rowOf = ({
  id,
  total,
  currency,
  customer,
  metadata,
  createdBy,
  lines,
  createdAt,
  expiresAt,
}: NewOrder): OrderRow => ({
  ...{ id, status: 'pending', status_reason: null, total, currency, customer, metadata, created_by: createdBy },
  lines: lines.map(({ product_id, sku, name, amount, quantity }) => ({ product_id, sku, name, amount, quantity })),
  ...{ payment_status: 'none', payment_provider: null, payment_reference: null, payment_error: null },
  ...{ payment_round: 1, payment_attempts: 0, tracking: null, version: 1 },
  ...{ created_at: createdAt, updated_at: createdAt, expires_at: expiresAt },
  ...{ paid_at: null, fulfilled_at: null, cancelled_at: null },
});

/** Why an order cannot be placed: what is no product, what is in another currency, or what there is not enough of. */
function refused(refusal: Refusal): AppError {
  switch (refusal.why) {
    case 'repeated':
      return invalid([refusal.line], 'unique', `is the product of lines.${refusal.first} again`);
    case 'unsold':
      return invalid(refusal.lines, 'exists', 'is no product that can be ordered');
    case 'currencies':
      return invalid(refusal.lines, 'currency', `is not sold in ${refusal.currency}: an order has one currency`);
    case 'short': {
      const lines = refusal.lines.map(({ line, product_id, name, quantity: requested, available }) => ({
        ...{ line, product_id, name, requested, available },
      }));
      return new AppError('out_of_stock', { details: { lines } });
    }
    case 'too_much': {
      const message = 'come to more than an order can be';
      return validationFailed([{ in: 'body', field: 'lines', rule: 'maximum', message }]);
    }
  }
}

function invalid(lines: readonly number[], rule: string, message: string): AppError {
  const fault = (line: number): FieldFault => ({ in: 'body', field: `lines.${line}.product_id`, rule, message });
  return validationFailed(lines.map(fault));
}
