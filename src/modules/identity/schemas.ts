import { type Static, Type } from 'typebox';
import { PERMISSIONS, ROLES } from '../../platform/auth/permissions.ts';
import { EMAIL_PATTERN, PASSWORD_MAX, PASSWORD_MIN } from './accounts/rules.ts';

export const Id = Type.String({ format: 'uuid' });
export const Time = Type.String({ format: 'date-time' });
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

/** Text of one line that somebody is shown: no control characters. */
export const Line = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]*$', description });

export const Email = Type.String({ pattern: EMAIL_PATTERN, maxLength: 254, description: 'An email address.' });
export const Role = Type.Enum([...ROLES], { description: 'What a member may do; see `GET /roles`.' });
export const Permission = Type.Enum([...PERMISSIONS]);
export const Roles = Type.Array(Role, { minItems: 1, maxItems: ROLES.length, uniqueItems: true });
/** Characters are counted after NFC by the rules; the schema only bounds the text. */
export const NewPassword = Type.String({
  maxLength: PASSWORD_MAX * 4,
  description: `${PASSWORD_MIN} to ${PASSWORD_MAX} characters, and none of the commonest passwords.`,
});
const GivenPassword = Type.String({ maxLength: PASSWORD_MAX * 4 });
const SessionMode = Type.Optional(
  Type.Literal('cookie', {
    description: 'Keeps the refresh token in an HttpOnly cookie instead of handing it out. For browsers.',
  }),
);

export const User = Type.Object({ id: Id, email: Type.String(), name: Type.String() }, { title: 'User' });
export const Tenant = Type.Object({ id: Id, name: Type.String() }, { title: 'Tenant' });

export const Register = Type.Object(
  {
    email: Email,
    password: NewPassword,
    name: Type.Optional(Line(200, "The person's name. Default: the email's part before the @.")),
    tenant_name: Line(200, 'What the new tenant is called.'),
    session: SessionMode,
  },
  { title: 'Register' },
);
export type Register = Static<typeof Register>;

const tokenFields = {
  access_token: Type.String({ description: 'A JWT (`typ: at+jwt`), good for `expires_in` seconds.' }),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds.' }),
  refresh_token: Type.Optional(Type.String({ description: 'Absent when the session is kept in a cookie.' })),
};
export const Tokens = Type.Object(tokenFields, { title: 'Tokens' });
export type Tokens = Static<typeof Tokens>;
export const Registered = Type.Object({ user: User, tenant: Tenant, ...tokenFields }, { title: 'Registered' });
export type Registered = Static<typeof Registered>;

/** RFC 6749, sections 4.3 and 6. Parameters that we do not know are ignored, as it asks. */
export const TokenRequest = Type.Object(
  {
    grant_type: Type.String({ maxLength: 100, description: '`password` or `refresh_token`.' }),
    username: Type.Optional(Type.String({ maxLength: 512, description: 'The email, with `password`.' })),
    password: Type.Optional(GivenPassword),
    tenant_id: Type.Optional(
      Type.String({ maxLength: 100, description: 'Which tenant to sign in to; default the one used last.' }),
    ),
    refresh_token: Type.Optional(
      Type.String({ maxLength: 512, description: 'With `refresh_token`; absent, the cookie is read.' }),
    ),
    session: Type.Optional(Type.String({ maxLength: 20, description: '`cookie`: see sign-up.' })),
  },
  { additionalProperties: true },
);
export type TokenRequest = Static<typeof TokenRequest>;
/** RFC 7009. */
export const RevokeRequest = Type.Object(
  {
    token: Type.Optional(
      Type.String({ maxLength: 4_096, description: 'A refresh or access token; absent, the cookie is read.' }),
    ),
    token_type_hint: Type.Optional(Type.String({ maxLength: 100 })),
  },
  { additionalProperties: true },
);
export const Revoked = Type.Object({});

export const Me = Type.Object(
  {
    user: Nullable(User),
    actor: Type.Object({ kind: Type.Enum(['user', 'api_key', 'system']), id: Type.String() }),
    tenant: Tenant,
    roles: Type.Array(Role),
    permissions: Type.Array(Permission),
    tenants: Type.Array(Type.Object({ id: Id, name: Type.String(), roles: Type.Array(Role) }), {
      description: 'Every tenant of the user, the one used last first (at most 100).',
    }),
  },
  { title: 'Me' },
);
export type Me = Static<typeof Me>;

export const Session = Type.Object(
  {
    id: Id,
    current: Type.Boolean({ description: 'Whether this request came with it.' }),
    ip: Nullable(Type.String()),
    user_agent: Nullable(Type.String()),
    created_at: Time,
    last_used_at: Time,
    expires_at: Time,
  },
  { title: 'Session' },
);
export type Session = Static<typeof Session>;
export const SessionList = Type.Object({ items: Type.Array(Session) });
export const SessionParams = Type.Object({ session_id: Id });

export const ChangePassword = Type.Object(
  { current_password: GivenPassword, new_password: NewPassword },
  { title: 'ChangePassword' },
);

export const Member = Type.Object(
  {
    id: Id,
    email: Type.String(),
    name: Type.String(),
    roles: Type.Array(Role),
    last_used_at: Time,
    created_at: Time,
  },
  { title: 'Member' },
);
export type Member = Static<typeof Member>;
export const MemberParams = Type.Object({ user_id: Id });
export const ChangeMember = Type.Object({ roles: Roles }, { title: 'ChangeMember' });

export const Invite = Type.Object(
  {
    email: Email,
    roles: Roles,
    expires_in: Type.Optional(
      Type.Integer({ minimum: 60, maximum: 2_592_000, default: 604_800, description: 'Seconds; default a week.' }),
    ),
  },
  { title: 'CreateInvitation' },
);
export type Invite = Static<typeof Invite>;
const invitationFields = {
  id: Id,
  email: Type.String(),
  roles: Type.Array(Role),
  invited_by: Type.String(),
  status: Type.Enum(['open', 'accepted', 'expired']),
  created_at: Time,
  expires_at: Time,
};
export const Invitation = Type.Object(invitationFields, { title: 'Invitation' });
export type Invitation = Static<typeof Invitation>;
export const NewInvitation = Type.Object(
  {
    ...invitationFields,
    token: Type.String({ description: 'Shown this once. Whoever has it can join.' }),
  },
  { title: 'NewInvitation' },
);
export type NewInvitation = Static<typeof NewInvitation>;
export const InvitationParams = Type.Object({ invitation_id: Id });
export const AcceptInvitation = Type.Object(
  {
    token: Type.String({ maxLength: 200 }),
    name: Type.Optional(Line(200, "The person's name. Default: the email's part before the @.")),
    password: NewPassword,
    session: SessionMode,
  },
  { title: 'AcceptInvitation' },
);
export type AcceptInvitation = Static<typeof AcceptInvitation>;

/** RFC 7517. */
export const Jwks = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kty: Type.Literal('OKP'),
        crv: Type.Literal('Ed25519'),
        x: Type.String(),
        kid: Type.String(),
        alg: Type.Literal('EdDSA'),
        use: Type.Literal('sig'),
      }),
    ),
  },
  { title: 'Jwks' },
);
export type Jwks = Static<typeof Jwks>;
