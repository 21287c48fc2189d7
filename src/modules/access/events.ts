import { type Static, Type } from 'typebox';
import { PERMISSIONS } from '../../platform/auth/permissions.ts';
import { defineEvent, type EventType } from '../../platform/events/define.ts';
import { By, Id } from '../identity/index.ts';

const USER = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11';
const KEY = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b21';
const Permission = Type.Enum([...PERMISSIONS]);

export const apiKeyCreated = defineEvent({
  type: 'api_key_created',
  version: 1,
  topic: 'identity',
  description: 'An API key was made.',
  schema: Type.Object({
    api_key_id: Id,
    prefix: Type.String({ description: 'The first characters of the key.' }),
    scopes: Type.Array(Permission),
    expires_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
    confined_to: Type.Optional(
      Type.Record(Type.String(), Id, { description: 'A confined key: the only thing that it opens, by its ids.' }),
    ),
    by: By,
  }),
  example: {
    api_key_id: KEY,
    prefix: 'parley_key_3q2-7wAB',
    scopes: ['models:invoke'],
    expires_at: null,
    by: { kind: 'user', id: USER },
  },
});

const revokedFor = <R extends string>(reasons: R[]) =>
  Type.Object({ api_key_id: Id, reason: Type.Enum(reasons), by: By });
const revoked = {
  type: 'api_key_revoked',
  topic: 'identity',
  description:
    'An API key was revoked: by somebody, because its maker left the tenant, or (a confined key) because a new one took ' +
    'its place, or the key that made it was revoked.',
  example: { api_key_id: KEY, reason: 'revoked', by: { kind: 'user', id: USER } },
} as const;
/** Before there were confined keys. */
const apiKeyRevokedV1 = defineEvent({ ...revoked, version: 1, schema: revokedFor(['revoked', 'member_removed']) });
const RevokedV2 = revokedFor(['revoked', 'member_removed', 'replaced', 'maker_revoked']);
export const apiKeyRevoked = defineEvent({
  ...revoked,
  version: 2,
  schema: RevokedV2,
  upcast: (old) => old as Static<typeof RevokedV2>,
});

export const permissionDenied = defineEvent({
  type: 'permission_denied',
  version: 1,
  topic: 'identity',
  description: 'Somebody asked for what they may not do; repeats on the same route within a minute are one event.',
  schema: Type.Object({
    operation: Type.String({ description: 'The operationId of the route.' }),
    permission: Permission,
    count: Type.Integer({ minimum: 1, description: 'Refusals since the event before.' }),
    by: By,
  }),
  example: { operation: 'createAgent', permission: 'agents:write', count: 1, by: { kind: 'user', id: USER } },
});

export const ACCESS_EVENTS: readonly EventType[] = [apiKeyCreated, apiKeyRevokedV1, apiKeyRevoked, permissionDenied];
