import { type Static, type TProperties, Type } from 'typebox';
import { ROLES } from '../../platform/auth/permissions.ts';
import type { Actor } from '../../platform/context.ts';
import type { SystemTx, Tx } from '../../platform/db/queries.ts';
import { defineEvent, type EventType } from '../../platform/events/define.ts';
import { append, appendFor } from '../../platform/events/outbox.ts';

const Id = Type.String({ format: 'uuid' });
const Roles = Type.Array(Type.Enum([...ROLES]), { minItems: 1, maxItems: 5 });
/** Who did it. Every event that the audit keeps names its actor in `by`. */
export const By = Type.Object({ kind: Type.Enum(['user', 'api_key', 'system']), id: Type.String({ maxLength: 100 }) });
const Network = Type.String({ description: 'The network of the request (/24 or /48), never the address.' });

export const by = ({ kind, id }: Actor): Static<typeof By> => ({ kind, id });

const USER = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11';
const SESSION = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b12';
const INVITATION = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b13';
const byUser = { kind: 'user', id: USER } as const;

const identityEvent = <P extends TProperties>(
  type: string,
  description: string,
  { fields, example }: { fields: P; example: Static<ReturnType<typeof Type.Object<P>>> },
) => defineEvent({ type, version: 1, topic: 'identity', description, schema: Type.Object(fields), example });

export const tenantCreated = identityEvent('tenant_created', 'Somebody signed up: a tenant and its owner.', {
  fields: { user_id: Id, by: By },
  example: { user_id: USER, by: byUser },
});
export const userSignedIn = identityEvent('user_signed_in', 'A session began.', {
  fields: {
    user_id: Id,
    session_id: Id,
    method: Type.Enum(['password', 'sign_up', 'invitation']),
    network: Network,
    by: By,
  },
  example: { user_id: USER, session_id: SESSION, method: 'password', network: '192.0.2.0/24', by: byUser },
});
export const userSignInFailed = identityEvent(
  'user_sign_in_failed',
  'Wrong passwords for a user of this tenant; repeats within a minute are one event.',
  {
    fields: {
      user_id: Id,
      count: Type.Integer({ minimum: 1, description: 'Failures since the event before.' }),
      network: Network,
    },
    example: { user_id: USER, count: 1, network: '192.0.2.0/24' },
  },
);
export const sessionRevoked = identityEvent('session_revoked', 'A session ended before its time.', {
  fields: {
    user_id: Id,
    session_id: Id,
    reason: Type.Enum(['signed_out', 'revoked', 'password_changed', 'member_removed', 'refresh_reused', 'too_many']),
    by: By,
  },
  example: { user_id: USER, session_id: SESSION, reason: 'signed_out', by: byUser },
});
export const refreshReused = identityEvent(
  'refresh_reused',
  'A spent refresh token came again: two parties hold the family, so the session was ended.',
  {
    fields: { user_id: Id, session_id: Id, network: Network },
    example: { user_id: USER, session_id: SESSION, network: '192.0.2.0/24' },
  },
);
export const passwordChanged = identityEvent('password_changed', 'A user changed the password; other sessions ended.', {
  fields: { user_id: Id, by: By },
  example: { user_id: USER, by: byUser },
});
export const memberAdded = identityEvent('member_added', 'A user joined the tenant.', {
  fields: { user_id: Id, roles: Roles, by: By },
  example: { user_id: USER, roles: ['developer'], by: byUser },
});
export const memberChanged = identityEvent('member_changed', "A member's roles changed.", {
  fields: { user_id: Id, roles: Roles, previous_roles: Roles, by: By },
  example: { user_id: USER, roles: ['admin'], previous_roles: ['viewer'], by: byUser },
});
export const memberRemoved = identityEvent('member_removed', 'A user is no longer a member of the tenant.', {
  fields: { user_id: Id, previous_roles: Roles, removed_at: Type.String({ format: 'date-time' }), by: By },
  example: { user_id: USER, previous_roles: ['viewer'], removed_at: '2026-11-21T12:00:00.000Z', by: byUser },
});
export const invitationCreated = identityEvent('invitation_created', 'Somebody was invited.', {
  fields: { invitation_id: Id, roles: Roles, expires_at: Type.String({ format: 'date-time' }), by: By },
  example: { invitation_id: INVITATION, roles: ['developer'], expires_at: '2026-12-01T12:00:00.000Z', by: byUser },
});
export const invitationRevoked = identityEvent('invitation_revoked', 'An invitation was taken back.', {
  fields: { invitation_id: Id, by: By },
  example: { invitation_id: INVITATION, by: byUser },
});
export const invitationAccepted = identityEvent('invitation_accepted', 'An invitation was accepted.', {
  fields: { invitation_id: Id, user_id: Id, by: By },
  example: { invitation_id: INVITATION, user_id: USER, by: byUser },
});

export const IDENTITY_EVENTS: readonly EventType[] = [
  tenantCreated,
  userSignedIn,
  userSignInFailed,
  sessionRevoked,
  refreshReused,
  passwordChanged,
  memberAdded,
  memberChanged,
  memberRemoved,
  invitationCreated,
  invitationRevoked,
  invitationAccepted,
];

/**
 * Announces an event of a tenant's identity stream. One stream a tenant, so that what happened to its people is read
 * (and audited) in the order in which it happened.
 */
export function announce<P extends TProperties>(
  tx: Tx | SystemTx,
  tenantId: string,
  event: {
    type: EventType<ReturnType<typeof Type.Object<P>>>;
    subject: string;
    data: Static<ReturnType<typeof Type.Object<P>>>;
  },
): void {
  const { type, subject, data } = event;
  const announcement = { stream: `identity/${tenantId}`, subject, data };
  if (tx.kind === 'tx') append(tx, type, announcement);
  else appendFor(tx, tenantId, type, announcement);
}
