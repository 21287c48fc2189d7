import { Type } from 'typebox';
import { defineEvent, type EventType } from '../../platform/events/define.ts';
import { By } from '../identity/index.ts';

const WEBHOOK = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11';
const USER = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b12';

const facts = {
  webhook_id: Type.String({ format: 'uuid' }),
  host: Type.String({ description: 'Of its URL; the rest of that may be as good as a password.' }),
};
const example = { webhook_id: WEBHOOK, host: 'hooks.example.com' };
const by = { kind: 'user' as const, id: USER };

export const webhookCreated = defineEvent({
  type: 'webhook_created',
  version: 1,
  topic: 'webhooks',
  description: "A webhook was made: the tenant's events are sent to an address outside.",
  schema: Type.Object({ ...facts, by: By }),
  example: { ...example, by },
});

export const webhookChanged = defineEvent({
  type: 'webhook_changed',
  version: 1,
  topic: 'webhooks',
  description: 'A webhook was changed, turned on or off by hand, given a new secret, or deleted.',
  schema: Type.Object({
    ...facts,
    change: Type.Enum(['updated', 'enabled', 'disabled', 'secret_rotated', 'deleted']),
    by: By,
  }),
  example: { ...example, change: 'updated', by },
});

export const webhookDisabled = defineEvent({
  type: 'webhook_disabled',
  version: 1,
  topic: 'webhooks',
  description:
    'A webhook was turned off by itself: its receiver answered 410, no attempt has succeeded for days, or too much waited for it.',
  schema: Type.Object({
    ...facts,
    reason: Type.Enum(['gone', 'failing', 'backlog']),
    failing_since: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  }),
  example: { ...example, reason: 'failing', failing_since: '2026-01-05T09:00:00.000Z' },
});

/** In no log: only `POST …/test` sends it. Declared so that receivers have its schema. */
export const webhookTest = defineEvent({
  type: 'webhook_test',
  version: 1,
  topic: 'webhooks',
  description: 'Sent to try a webhook out, and to it only; it is in no log.',
  schema: Type.Object({ webhook_id: Type.String({ format: 'uuid' }) }),
  example: { webhook_id: WEBHOOK },
});

/** For the audit record: where a tenant's events go. */
export const WEBHOOK_EVENTS: readonly EventType[] = [webhookCreated, webhookChanged, webhookDisabled];
