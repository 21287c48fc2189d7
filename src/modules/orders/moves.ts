import type { Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Jobs } from '../../platform/jobs/define.ts';
import { orderCancelled, orderExpired, orderFulfilled, orderPaid, orderPaymentFailed } from './events.ts';
import { after, type Move, numberOf, paymentAfterCancel, STOCK, stepOf } from './rules.ts';
import { moveStock, type OrderRow, type State, updateOrder } from './store.ts';

/** Background work on an order: what its payment needs next, and the end of its reservation. Both are keyed by its id. */
export const SETTLE = 'orders.settle';
export const EXPIRE = 'orders.expire';

export const enqueueSettle = (tx: Tx, jobs: Jobs, orderId: string, runAt?: Date): Promise<string> =>
  jobs.enqueue(tx, { kind: SETTLE, key: orderId, payload: { order_id: orderId }, ...(runAt && { runAt }) });

export const enqueueExpire = (tx: Tx, jobs: Jobs, orderId: string, runAt: Date): Promise<string> =>
  jobs.enqueue(tx, { kind: EXPIRE, key: orderId, payload: { order_id: orderId }, runAt });

/** What a move brings with it. */
export type Facts = { readonly now: Date; readonly reason?: string | null; readonly tracking?: string | null };

/** The order's state after a move; undefined where the move is not possible. Pure. */
export function moved(row: OrderRow, move: Move, { now, reason = null, tracking = null }: Facts): State | undefined {
  const status = after(row.status, move);
  if (status === undefined) return undefined;
  const state: State = { ...stateOf(row), status };
  switch (move) {
    case 'pay':
      return { ...state, status_reason: null, expires_at: null, paid_at: now };
    case 'fail':
      return { ...state, status_reason: 'payment_failed' };
    case 'cancel':
      return {
        ...state,
        ...{ status_reason: reason, expires_at: null, cancelled_at: now },
        payment_status: paymentAfterCancel(row.payment_status),
      };
    case 'expire':
      return { ...state, expires_at: null };
    case 'fulfil':
      return { ...state, tracking, fulfilled_at: now };
  }
}

/** What of a row changes in its life. */
export const stateOf = (row: OrderRow): State => ({
  ...{ status: row.status, status_reason: row.status_reason, tracking: row.tracking },
  ...{ payment_status: row.payment_status, payment_provider: row.payment_provider },
  ...{ payment_reference: row.payment_reference, payment_round: row.payment_round },
  ...{ payment_attempts: row.payment_attempts, payment_error: row.payment_error },
  ...{ expires_at: row.expires_at, paid_at: row.paid_at },
  ...{ fulfilled_at: row.fulfilled_at, cancelled_at: row.cancelled_at },
});

/** Writes a new state of a locked row. */
export async function write(tx: Tx, row: OrderRow, state: State): Promise<OrderRow> {
  return { ...row, ...state, ...(await updateOrder(tx, row.id, state)) };
}

/**
 * Makes a move with a locked order: its state, the stock, the event, and the work that follows from it, in the caller's
 * transaction. `payment` is what the move's cause says of the payment. Throws `conflict` where the move is not possible.
 */
export async function make(
  tx: Tx,
  row: OrderRow,
  { move, jobs, payment = {}, ...facts }: Facts & { move: Move; jobs: Jobs; payment?: Partial<State> },
): Promise<OrderRow> {
  const state = moved(row, move, facts);
  if (state === undefined) {
    const message = `The order is ${row.status}, and that cannot be done with it any more.`;
    throw new AppError('conflict', { message, details: { status: row.status } });
  }
  const next = await write(tx, row, { ...state, ...payment });
  const how = STOCK[move];
  const lines = how === 'keep' ? [] : await moveStock(tx, row.id, how);
  announce(tx, next, { move, lines, ...(facts.reason !== undefined && { reason: facts.reason }) });
  if (row.status === 'pending' && next.status !== 'pending' && move !== 'expire') await jobs.cancel(tx, EXPIRE, row.id);
  // A payment's own move is made by the job that settles it, which goes on by itself.
  if ((move === 'cancel' || move === 'expire') && stepOf(next) !== 'done') await enqueueSettle(tx, jobs, row.id);
  return next;
}

type Told = {
  readonly move: Move;
  readonly lines: readonly { product_id: string; quantity: number; revision: number }[];
  readonly reason?: string | null;
};

function announce(tx: Tx, row: OrderRow, { move, lines: moves, reason = null }: Told): void {
  const { id, status, version, total: amount, currency } = row;
  const where = { stream: `orders/${id}`, subject: id };
  const order = { order_id: id, number: numberOf(id), status, version };
  const lines = moves.map(({ product_id, quantity, revision }) => ({ product_id, quantity, revision }));
  const by = { kind: tx.ctx.actor.kind, id: tx.ctx.actor.id };
  switch (move) {
    case 'pay': {
      const { payment_provider: provider, payment_reference: reference } = row;
      append(tx, orderPaid, { ...where, data: { ...order, amount, currency, provider, reference } });
      return;
    }
    case 'fail':
      append(tx, orderPaymentFailed, { ...where, data: { ...order, reason: row.payment_error ?? 'refused' } });
      return;
    case 'cancel': {
      const refund = row.payment_status === 'refunding';
      append(tx, orderCancelled, { ...where, data: { ...order, lines, reason, refund, by } });
      return;
    }
    case 'expire':
      append(tx, orderExpired, { ...where, data: { ...order, lines } });
      return;
    case 'fulfil':
      append(tx, orderFulfilled, { ...where, data: { ...order, lines, tracking: row.tracking, by } });
  }
}
