import type { WireEvent } from './follow.ts';
import type { OrderStatus } from './types.ts';

type Logged<T extends string, D> = {
  type: T;
  id: string;
  time: string;
  /** Where to resume after. */
  cursor: string;
  /** Every event says how the order stands then. */
  data: { order_id: string; number: string; status: OrderStatus; version: number } & D;
};
/** `revision` is the product's, now that its stock has moved. */
type Lines = { lines: { product_id: string; quantity: number; revision: number }[] };
type Sum = { amount: number; currency: string };
type By = { by: { kind: 'user' | 'api_key' | 'system'; id: string } };

/** What `orders.events` yields. A newer server may send further types; ignore what you do not know. */
export type OrderEvent =
  | Logged<'order_created', Lines & Sum & By & { expires_at: string }>
  | Logged<'order_paid', Sum & { provider: string | null; reference: string | null }>
  /** Refused for good; `orders.pay` asks anew while the order is pending. */
  | Logged<'order_payment_failed', { reason: string }>
  | Logged<'order_cancelled', Lines & By & { reason: string | null; refund: boolean }>
  | Logged<'order_expired', Lines>
  | Logged<'order_fulfilled', Lines & By & { tracking: string | null }>
  | Logged<'order_refunded', Sum & { reference: string | null }>
  /** The server could not resume (history trimmed, or restored from a backup): read the order anew. */
  | { type: 'reset'; cursor: string | undefined; data: { cursor: string; reason: string } };

/** Log events travel in their envelope: the data is inside, beside id and time. */
export function orderEvent({ type, cursor, data }: WireEvent): OrderEvent {
  if (type === 'reset') return { type, cursor, data } as OrderEvent;
  const envelope = data as { id: string; time: string; data: unknown };
  return { type, cursor, id: envelope.id, time: envelope.time, data: envelope.data } as OrderEvent;
}
