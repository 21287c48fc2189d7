import { uuidv7 } from '../../lib/ids.ts';
import type { Actor } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import { type FieldFault, validationFailed } from '../../platform/http/validation.ts';
import { orderCreated } from './events.ts';
import { numberOf } from './rules.ts';
import type { CreateOrder, OrderFacts } from './schemas.ts';
import { type Offer, type OrderRow, placeOrder } from './store.ts';

const byOf = ({ kind, id }: Actor): OrderFacts['created_by'] => ({ kind, id });

type Terms = { readonly nowMs: number; readonly expiryMs: number };

/** Places an order: everything it asks for is held for it, or nothing is. */
export async function place(tx: Tx, input: CreateOrder, { nowMs, expiryMs }: Terms): Promise<OrderRow> {
  refuseRepeats(input.lines);
  const id = uuidv7(nowMs);
  const { customer = null, metadata = {} } = input;
  const [createdAt, expiresAt] = [new Date(nowMs), new Date(nowMs + expiryMs)];
  const createdBy = byOf(tx.ctx.actor);
  const offers = await placeOrder(tx, {
    ...{ id, lines: input.lines, customer, metadata },
    createdAt,
    expiresAt,
    createdBy,
  });
  const placed = offers.every(isPlaced) ? (offers as Placed[]) : undefined;
  if (placed === undefined) throw refusal(offers);
  const total = placed.reduce((sum, { amount, quantity }) => sum + amount * quantity, 0);
  const currency = (placed[0] as Placed).currency;
  append(tx, orderCreated, {
    stream: `orders/${id}`,
    subject: id,
    data: {
      ...{ order_id: id, number: numberOf(id), status: 'pending', version: 1 },
      lines: placed.map(({ product_id, quantity, revision }) => ({ product_id, quantity, revision })),
      ...{ amount: total, currency, expires_at: expiresAt.toISOString(), by: createdBy },
    },
  });
  return {
    ...{ id, status: 'pending', status_reason: null, total, currency, customer, metadata, created_by: createdBy },
    lines: placed.map(({ product_id, sku, name, amount, quantity }) => ({ product_id, sku, name, amount, quantity })),
    ...{ payment_status: 'none', payment_provider: null, payment_reference: null, payment_error: null },
    ...{ payment_round: 1, payment_attempts: 0, tracking: null, version: 1 },
    ...{ created_at: createdAt, updated_at: createdAt, expires_at: expiresAt },
    ...{ paid_at: null, fulfilled_at: null, cancelled_at: null },
  };
}

/** A line of an order that was placed: what may be missing elsewhere is there. */
type Placed = { readonly [K in keyof Offer]: K extends 'sku' ? Offer[K] : NonNullable<Offer[K]> };
const isPlaced = ({ placed, revision }: Offer): boolean => placed && revision !== null;

function refuseRepeats(lines: CreateOrder['lines']): void {
  const first = new Map<string, number>();
  for (const [line, { product_id }] of lines.entries()) {
    const before = first.get(product_id);
    if (before !== undefined) throw invalid([line], 'unique', `is the product of lines.${before} again`);
    first.set(product_id, line);
  }
}

/** Why an order cannot be placed: what is no product, what is in another currency, or what there is not enough of. */
export function refusal(offers: readonly Offer[]): AppError {
  const unsold = offers.filter(({ sold }) => !sold);
  if (unsold.length > 0) return invalid(unsold.map(placeOf), 'exists', 'is no product that can be ordered');
  const currency = offers[0]?.currency;
  const others = offers.filter((offer) => offer.currency !== currency);
  if (others.length > 0)
    return invalid(others.map(placeOf), 'currency', `is not sold in ${currency}: an order has one currency`);
  const short = offers.filter(({ stock, quantity }) => (stock ?? 0) < quantity);
  if (short.length > 0) {
    const lines = short.map((offer) => ({
      ...{ line: placeOf(offer), product_id: offer.product_id, name: offer.name },
      ...{ requested: offer.quantity, available: offer.stock ?? 0 },
    }));
    return new AppError('out_of_stock', { details: { lines } });
  }
  const message = 'come to more than an order can be';
  return validationFailed([{ in: 'body', field: 'lines', rule: 'maximum', message }]);
}

const placeOf = ({ line }: Offer): number => line - 1;

function invalid(lines: readonly number[], rule: string, message: string): AppError {
  const fault = (line: number): FieldFault => ({ in: 'body', field: `lines.${line}.product_id`, rule, message });
  return validationFailed(lines.map(fault));
}
