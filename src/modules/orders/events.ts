import { type TProperties, Type } from 'typebox';
import { defineEvent, type EventType } from '../../platform/events/define.ts';
import { STATUSES } from './rules.ts';

const Id = Type.String({ format: 'uuid' });
const ORDER = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11';
const PRODUCT = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b21';
const orNull = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Union([schema, Type.Null()]);

const Lines = Type.Array(
  Type.Object({
    product_id: Id,
    quantity: Type.Integer({ minimum: 1 }),
    revision: Type.Integer({ minimum: 1, description: "The product's revision, now that its stock has moved." }),
  }),
);
const By = Type.Object({ kind: Type.Enum(['user', 'api_key', 'system']), id: Type.String() });
const money = { amount: Type.Integer({ minimum: 0 }), currency: Type.String() };
const lines = [{ product_id: PRODUCT, quantity: 2, revision: 17 }];
const by = { kind: 'user' as const, id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b31' };

/** Every event of an order says how it stands then. Customers are not in them: the order is read for that. */
function event<P extends TProperties, E extends object>(
  type: string,
  description: string,
  { properties, example }: { properties: P; example: E },
) {
  return defineEvent({
    type,
    version: 1,
    topic: 'orders',
    description,
    schema: Type.Object({
      order_id: Id,
      number: Type.String(),
      status: Type.Enum([...STATUSES]),
      version: Type.Integer({ minimum: 1 }),
      ...properties,
    }),
    example: { order_id: ORDER, number: '261121-7K3M9-QXT2B', status: 'pending', version: 1, ...example } as never,
  });
}

export const orderCreated = event('order_created', 'An order was placed, and its pieces are held for it.', {
  properties: { lines: Lines, ...money, expires_at: Type.String({ format: 'date-time' }), by: By },
  example: { lines, amount: 2_980, currency: 'EUR', expires_at: '2026-11-21T17:15:00.000Z', by },
});

export const orderPaid = event('order_paid', 'Its payment came; or there was nothing to pay.', {
  properties: { ...money, provider: orNull(Type.String()), reference: orNull(Type.String()) },
  example: { status: 'paid', version: 3, amount: 2_980, currency: 'EUR', provider: 'service', reference: 'pay_1' },
});

export const orderPaymentFailed = event(
  'order_payment_failed',
  'The payment was refused, for good. It can be asked for anew until the order expires.',
  {
    properties: { reason: Type.String({ description: "In the payment service's words." }) },
    example: { version: 3, reason: 'card_declined' },
  },
);

export const orderCancelled = event('order_cancelled', 'Somebody cancelled it, and its pieces can be ordered again.', {
  properties: {
    lines: Lines,
    reason: orNull(Type.String()),
    refund: Type.Boolean({ description: 'It was paid, and the money goes back.' }),
    by: By,
  },
  example: { status: 'cancelled', version: 4, lines, reason: 'ordered by mistake', refund: true, by },
});

export const orderExpired = event('order_expired', 'It was not paid in time, and its pieces can be ordered again.', {
  properties: { lines: Lines },
  example: { status: 'expired', version: 2, lines },
});

export const orderFulfilled = event('order_fulfilled', 'Its pieces went to the customer.', {
  properties: { lines: Lines, tracking: orNull(Type.String()), by: By },
  example: { status: 'fulfilled', version: 4, lines, tracking: 'DX-1', by },
});

export const orderRefunded = event('order_refunded', 'The money went back.', {
  properties: { ...money, reference: orNull(Type.String()) },
  example: { status: 'cancelled', version: 5, amount: 2_980, currency: 'EUR', reference: 'pay_1' },
});

export const ORDER_EVENTS: readonly EventType[] = [
  ...[orderCreated, orderPaid, orderPaymentFailed, orderCancelled, orderExpired, orderFulfilled, orderRefunded],
];

/** Those that moved stock: what they say of products is what caches are dropped by. */
export const STOCK_EVENTS: readonly string[] = [orderCreated, orderCancelled, orderExpired, orderFulfilled].map(
  ({ type }) => type,
);
