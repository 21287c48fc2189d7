import { type Static, Type } from 'typebox';
import { cursorQuery } from '../../platform/http/paging.ts';
import { type Currency, Money } from '../catalog/index.ts';
import { Metadata } from '../knowledge/index.ts';
import { PAYMENT_STATUSES, STATUSES } from './rules.ts';

export const MAX_LINES = 100;
export const MAX_QUANTITY = 1_000;

const Id = Type.String({ format: 'uuid' });
const Time = Type.String({ format: 'date-time' });
const orNull = <T extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Integer>>(schema: T) =>
  Type.Union([schema, Type.Null()]);

const Customer = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }),
    email: Type.String({ format: 'email' }),
    reference: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Your own number for them.' })),
  },
  { title: 'Customer', additionalProperties: false },
);

export const CreateOrder = Type.Object(
  {
    lines: Type.Array(
      Type.Object(
        { product_id: Id, quantity: Type.Integer({ minimum: 1, maximum: MAX_QUANTITY }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: MAX_LINES, description: 'Each product once, all in one currency.' },
    ),
    customer: Type.Optional(Type.Union([Customer, Type.Null()])),
    metadata: Type.Optional(Metadata),
  },
  { title: 'CreateOrder', additionalProperties: false },
);
export const CancelOrder = Type.Object(
  { reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' })) },
  { title: 'CancelOrder', additionalProperties: false },
);
export const FulfilOrder = Type.Object(
  { tracking: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' })) },
  { title: 'FulfilOrder', additionalProperties: false },
);

const OrderLine = Type.Object(
  {
    product_id: Id,
    sku: orNull(Type.String()),
    name: Type.String({ description: 'As it was called when it was ordered.' }),
    unit_price: Money,
    quantity: Type.Integer(),
    total: Money,
  },
  { title: 'OrderLine' },
);
const Payment = Type.Object(
  {
    status: Type.Enum([...PAYMENT_STATUSES], {
      description:
        '`none`: nothing was asked for, or nothing can be charged any more; `pending`: asked for, not known yet; `refunding`: ' +
        'charged, and on its way back.',
    }),
    provider: orNull(Type.String({ description: '`rehearsal`: no money moves. Else `service`.' })),
    reference: orNull(Type.String({ description: "The payment service's own id." })),
    attempts: Type.Integer({ description: 'How often the service was asked for the money.' }),
    error: orNull(Type.String({ description: 'Why it was refused, or what went wrong last.' })),
  },
  { title: 'Payment' },
);

const facts = {
  id: Id,
  number: Type.String({ description: 'For people: `261121-7K3M9-QXT2B`.' }),
  status: Type.Enum([...STATUSES]),
  status_reason: orNull(
    Type.String({
      description: 'Why it was cancelled, in whose words did; `payment_failed` while it waits for another try.',
    }),
  ),
  lines: Type.Array(OrderLine),
  total: Money,
  customer: Type.Union([Customer, Type.Null()]),
  metadata: Metadata,
  payment: Payment,
  tracking: orNull(Type.String()),
  expires_at: orNull(Type.String({ format: 'date-time', description: 'Until then its pieces are held unpaid.' })),
  version: Type.Integer({ description: 'Grows with every change.' }),
  created_at: Time,
  updated_at: Time,
  paid_at: orNull(Time),
  fulfilled_at: orNull(Time),
  cancelled_at: orNull(Time),
  created_by: Type.Object({ kind: Type.Enum(['user', 'api_key', 'system']), id: Type.String() }),
};

/** An order as lists show it: the cursor is the list's. */
export const OrderFacts = Type.Object(facts, { title: 'OrderSummary' });
export const Order = Type.Object(
  { ...facts, cursor: Type.String({ description: 'Where the event stream stood when this was read.' }) },
  { title: 'Order' },
);
export const OrderParams = Type.Object({ order_id: Id });
export const ListOrders = Type.Object({
  ...cursorQuery.properties,
  status: Type.Optional(Type.Enum([...STATUSES])),
  customer: Type.Optional(
    Type.String({ minLength: 1, maxLength: 254, description: "A customer's email or reference, whole, in any case." }),
  ),
  product_id: Type.Optional(Id),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Placed then or later.' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Placed before then.' })),
});

export type CurrencyCode = Static<typeof Currency>;
export type CreateOrder = Static<typeof CreateOrder>;
export type OrderFacts = Static<typeof OrderFacts>;
export type Order = Static<typeof Order>;
export type ListOrders = Static<typeof ListOrders>;
