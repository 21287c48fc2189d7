import { type Static, type TSchema, Type } from 'typebox';
import { defineEvent, type EventType } from '../../platform/events/define.ts';
import { By, Id } from '../identity/index.ts';

const USER = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11';
const KEY = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b21';

/** The permissions of the first release. The first versions of events were about these, and no others. */
const FIRST_PERMISSIONS = [
  ...(['tenant:read', 'tenant:write', 'users:read', 'users:write', 'api_keys:read', 'api_keys:write'] as const),
  ...(['audit:read', 'providers:read', 'providers:write', 'models:read', 'models:invoke'] as const),
  ...(['generations:read', 'documents:read', 'documents:write', 'agents:read', 'agents:write'] as const),
  ...(['agents:invoke', 'discussions:read', 'discussions:write', 'events:read'] as const),
  ...(['dead_letters:read', 'dead_letters:write'] as const),
];
const FirstPermission = Type.Enum(FIRST_PERMISSIONS);
/** Features bring permissions of their own: who reads events is to expect names that it does not know. */
const Permission = Type.String({ description: 'As `GET /roles` names it; more may come.' });

const createdWith = <P extends TSchema>(permission: P) =>
  Type.Object({
    api_key_id: Id,
    prefix: Type.String({ description: 'The first characters of the key.' }),
    scopes: Type.Array(permission),
    expires_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
    confined_to: Type.Optional(
      Type.Record(Type.String(), Id, { description: 'A confined key: the only thing that it opens, by its ids.' }),
    ),
    by: By,
  });
const created = {
  type: 'api_key_created',
  topic: 'identity',
  description: 'An API key was made.',
} as const;
const createdExample = {
  api_key_id: KEY,
  prefix: 'parley_key_3q2-7wAB',
  scopes: ['models:invoke' as const],
  expires_at: null,
  by: { kind: 'user' as const, id: USER },
};
const apiKeyCreatedV1 = defineEvent({
  ...created,
  version: 1,
  schema: createdWith(FirstPermission),
  example: createdExample,
});
const CreatedV2 = createdWith(Permission);
export const apiKeyCreated = defineEvent({
  ...created,
  version: 2,
  schema: CreatedV2,
  example: createdExample,
  upcast: (old) => old as Static<typeof CreatedV2>,
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

const deniedOf = <P extends TSchema>(permission: P) =>
  Type.Object({
    operation: Type.String({ description: 'The operationId of the route.' }),
    permission,
    count: Type.Integer({ minimum: 1, description: 'Refusals since the event before.' }),
    by: By,
  });
const denied = {
  type: 'permission_denied',
  topic: 'identity',
  description: 'Somebody asked for what they may not do; repeats on the same route within a minute are one event.',
} as const;
const deniedExample = {
  operation: 'createAgent',
  permission: 'agents:write' as const,
  count: 1,
  by: { kind: 'user' as const, id: USER },
};
const permissionDeniedV1 = defineEvent({
  ...denied,
  version: 1,
  schema: deniedOf(FirstPermission),
  example: deniedExample,
});
const DeniedV2 = deniedOf(Permission);
export const permissionDenied = defineEvent({
  ...denied,
  version: 2,
  schema: DeniedV2,
  example: deniedExample,
  upcast: (old) => old as Static<typeof DeniedV2>,
});

export const ACCESS_EVENTS: readonly EventType[] = [
  ...[apiKeyCreatedV1, apiKeyCreated, apiKeyRevokedV1, apiKeyRevoked],
  ...[permissionDeniedV1, permissionDenied],
];
