import { type Static, type TSchema, Type } from 'typebox';

export const MAX_WEBHOOKS = 50;
export const MAX_TYPES = 100;

export const DateTime = Type.String({ format: 'date-time' });
export const Id = Type.String({ format: 'uuid' });
export const orNull = <T extends TSchema>(schema: T, options: { readonly description?: string } = {}) =>
  Type.Union([schema, Type.Null()], options);

const Url = Type.String({
  minLength: 1,
  maxLength: 2_048,
  description:
    'Where to POST: http or https, an address of the public internet, unless whoever runs the server allows another.',
});
const Description = Type.String({ maxLength: 500 });
const Types = Type.Array(Type.String({ pattern: '^[a-z][a-z0-9_]{0,63}$' }), {
  minItems: 1,
  maxItems: MAX_TYPES,
  uniqueItems: true,
});
const TYPES = {
  description:
    'Event types to send. null: all but those of the topic `identity`, which must be named and need `audit:read`.',
};
const Enabled = Type.Boolean();

export const CreateWebhook = Type.Object(
  {
    url: Url,
    types: Type.Optional(orNull(Types, TYPES)),
    description: Type.Optional(orNull(Description)),
    enabled: Type.Optional(Enabled),
  },
  { title: 'CreateWebhook', additionalProperties: false },
);
export const ChangeWebhook = Type.Object(
  {
    url: Type.Optional(Url),
    types: Type.Optional(orNull(Types, TYPES)),
    description: Type.Optional(orNull(Description)),
    enabled: Type.Optional(Enabled),
  },
  { title: 'ChangeWebhook', additionalProperties: false, minProperties: 1 },
);

const Cursor = Type.String({ pattern: '^[0-9a-z]{1,32}\\.[0-9]{1,15}$', maxLength: 64 });

export const Replay = Type.Object(
  {
    id: Id,
    status: Type.Enum(['running', 'completed', 'cancelled']),
    from: Type.String({ description: 'Events after this position …' }),
    to: Type.String({ description: '… up to and with this one.' }),
    position: Type.String({ description: 'How far it has come.' }),
    enqueued: Type.Integer({ description: 'Events that were put in line until now.' }),
    trimmed: Type.Boolean({
      description: 'The log does not reach back to `from` any more; it began where the log begins.',
    }),
    started_at: DateTime,
  },
  { title: 'WebhookReplay' },
);

const webhook = {
  id: Id,
  url: Type.String(),
  types: orNull(Type.Array(Type.String()), TYPES),
  description: orNull(Type.String()),
  enabled: Enabled,
  disabled_reason: orNull(Type.Enum(['manual', 'gone', 'failing', 'backlog']), {
    description:
      '`gone`: the receiver answered 410. `failing`: no attempt succeeded for 5 days. `backlog`: too much waited.',
  }),
  disabled_at: orNull(DateTime),
  failing_since: orNull(DateTime, { description: 'No attempt has succeeded since then; null: they do.' }),
  previous_secret_expires_at: orNull(DateTime, {
    description: 'Until then the secret before this one signs as well; null: there is only one.',
  }),
  replay: orNull(Replay, { description: 'The newest one.' }),
  version: Type.Integer({ description: 'Grows with every change of yours; the ETag.' }),
  created_at: DateTime,
  updated_at: DateTime,
};
export const Webhook = Type.Object(webhook, { title: 'Webhook' });
export const NewWebhook = Type.Object(
  {
    ...webhook,
    secret: Type.String({ description: '`whsec_` and base64, as Standard Webhooks has it. Shown this once.' }),
  },
  { title: 'WebhookWithSecret' },
);
export const WebhookParams = Type.Object({ webhook_id: Id });

export const RotateSecret = Type.Object(
  {
    keep_previous_hours: Type.Integer({
      minimum: 0,
      maximum: 24,
      default: 24,
      description: 'How long the old secret goes on signing beside the new one. 0, when it is known to others.',
    }),
  },
  { title: 'RotateWebhookSecret', additionalProperties: false },
);
export const StartReplay = Type.Object(
  { from: Cursor, to: Type.Optional(Cursor) },
  {
    title: 'ReplayWebhook',
    additionalProperties: false,
    description: 'Cursors (`epoch.position`) of the log: events after `from`, up to and with `to`, or the newest.',
  },
);
export const TestWebhook = Type.Object(
  {
    type: Type.Optional(
      Type.String({
        pattern: '^[a-z][a-z0-9_]{0,63}$',
        description: 'An event type, of which the documented example is sent. Absent: `webhook_test`.',
      }),
    ),
  },
  { title: 'TestWebhook', additionalProperties: false },
);

export type CreateWebhook = Static<typeof CreateWebhook>;
export type ChangeWebhook = Static<typeof ChangeWebhook>;
export type Webhook = Static<typeof Webhook>;
export type NewWebhook = Static<typeof NewWebhook>;
export type Replay = Static<typeof Replay>;
export type StartReplay = Static<typeof StartReplay>;
export type RotateSecret = Static<typeof RotateSecret>;
export type TestWebhook = Static<typeof TestWebhook>;
