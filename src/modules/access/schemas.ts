import { type Static, Type } from 'typebox';
import { Id, Line, Permission, Role, Time } from '../identity/index.ts';
import { TICKET_PATH } from './rules.ts';

export const Roles = Type.Object(
  {
    items: Type.Array(Type.Object({ role: Role, permissions: Type.Array(Permission) })),
  },
  { title: 'RoleList' },
);

const keyFields = {
  id: Id,
  name: Type.String(),
  prefix: Type.String({ description: 'The first characters of the key, to know it by.' }),
  scopes: Type.Array(Permission),
  user_id: Type.String({ format: 'uuid', description: 'The member for whom the key acts.' }),
  confined_to: Type.Union(
    [Type.Object({ discussion_id: Type.Optional(Id), participant_id: Type.Optional(Id) }), Type.Null()],
    { description: 'The key of a seat: it opens nothing else. Null: everything within its scopes.' },
  ),
  expires_at: Type.Union([Time, Type.Null()]),
  last_used_at: Type.Union([Time, Type.Null()], { description: 'To the minute.' }),
  created_at: Time,
};
export const ApiKey = Type.Object(keyFields, { title: 'ApiKey' });
export type ApiKey = Static<typeof ApiKey>;
export const NewApiKey = Type.Object(
  {
    ...keyFields,
    key: Type.String({ description: 'Shown this once. Send it as `Authorization: Bearer …`.' }),
  },
  { title: 'NewApiKey' },
);
export type NewApiKey = Static<typeof NewApiKey>;
export const CreateApiKey = Type.Object(
  {
    name: Line(100, 'What the key is for.'),
    scopes: Type.Array(Permission, {
      minItems: 1,
      uniqueItems: true,
      description: 'At most what you may do yourself.',
    }),
    expires_at: Type.Optional(
      Type.String({ format: 'date-time', description: 'When it ends; absent, only by being revoked.' }),
    ),
  },
  { title: 'CreateApiKey' },
);
export type CreateApiKey = Static<typeof CreateApiKey>;
export const ApiKeyParams = Type.Object({ api_key_id: Id });

export const CreateTicket = Type.Object(
  {
    path: Type.String({
      pattern: TICKET_PATH,
      description:
        'The path of the stream as it will be requested, without a query: `/api/v1/discussions/{id}/events`.',
    }),
  },
  { title: 'CreateTicket' },
);
export const Ticket = Type.Object(
  {
    ticket: Type.String({ description: 'Append it as `?ticket=`; good once.' }),
    expires_in: Type.Integer({ description: 'Seconds.' }),
  },
  { title: 'Ticket' },
);
export type Ticket = Static<typeof Ticket>;
