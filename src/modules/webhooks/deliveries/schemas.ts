import { type Static, Type } from 'typebox';
import { cursorQuery } from '../../../platform/http/paging.ts';
import { DateTime, Id, orNull } from '../schemas.ts';

/** Of a delivery's attempts, so many of the newest are shown. */
export const SHOWN_ATTEMPTS = 20;

export const Attempt = Type.Object(
  {
    number: Type.Integer(),
    at: DateTime,
    status: orNull(Type.Integer(), { description: 'What the receiver answered; null: nothing.' }),
    latency_ms: Type.Integer(),
    error: orNull(Type.String(), { description: 'Why it failed; null: it succeeded.' }),
    response: orNull(Type.String(), { description: 'The beginning of the answer’s body.' }),
  },
  { title: 'WebhookAttempt' },
);

const STATUSES = ['pending', 'succeeded', 'failed', 'cancelled'] as const;
const delivery = {
  id: Id,
  webhook_id: Id,
  kind: Type.Enum(['event', 'replay', 'test']),
  event_id: Type.String({ description: 'The header `webhook-id`: the same for every attempt and replay.' }),
  type: Type.String(),
  stream: Type.String(),
  cursor: orNull(Type.String(), { description: 'The event’s place in the log; null for a test, which is not in it.' }),
  status: Type.Enum(STATUSES, {
    description: '`cancelled`: its webhook was turned off before an attempt succeeded. A retry by hand takes up any.',
  }),
  attempt_count: Type.Integer(),
  next_attempt_at: orNull(DateTime),
  created_at: DateTime,
  completed_at: orNull(DateTime),
  attempts: Type.Array(Attempt, { description: `The newest ${SHOWN_ATTEMPTS}, the newest last.` }),
};
export const Delivery = Type.Object(delivery, { title: 'WebhookDelivery' });
export const DeliveryWithBody = Type.Object(
  {
    ...delivery,
    body: Type.String({ description: 'What is sent, byte for byte: the event as JSON.' }),
  },
  { title: 'WebhookDeliveryWithBody' },
);
export const DeliveryParams = Type.Object({ webhook_id: Id, delivery_id: Id });
export const DeliveryQuery = Type.Object({
  ...cursorQuery.properties,
  status: Type.Optional(Type.Enum(STATUSES)),
  type: Type.Optional(Type.String({ maxLength: 64 })),
});

export type Attempt = Static<typeof Attempt>;
export type Delivery = Static<typeof Delivery>;
export type DeliveryWithBody = Static<typeof DeliveryWithBody>;
