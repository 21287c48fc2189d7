-- A key acts for the member who made it: it never may more than that member, and ends with the membership.
create table api_keys (
  tenant_id uuid not null references tenants(id) on delete cascade,
  id uuid not null,
  user_id uuid not null,
  name text not null check (length(name) between 1 and 100),
  -- The first characters, for a person to tell keys apart.
  prefix text not null,
  key_digest bytea not null check (octet_length(key_digest) = 32),
  scopes text[] not null check (cardinality(scopes) > 0),
  expires_at timestamptz(3),
  -- Written at most once a minute.
  last_used_at timestamptz(3),
  revoked_at timestamptz(3),
  created_at timestamptz(3) not null,
  primary key (tenant_id, id),
  unique (tenant_id, key_digest)
);
create index api_keys_by_user on api_keys (tenant_id, user_id) where revoked_at is null;
select declare_tenant_table('api_keys');

-- A minute's way in for what cannot send headers (EventSource): one actor, one path, one use.
create table tickets (
  tenant_id uuid not null references tenants(id) on delete cascade,
  ticket_digest bytea not null check (octet_length(ticket_digest) = 32),
  actor_kind text not null check (actor_kind in ('user', 'api_key')),
  actor_id uuid not null,
  session_id uuid,
  path text not null check (length(path) <= 512),
  expires_at timestamptz(3) not null,
  primary key (tenant_id, ticket_digest),
  check ((actor_kind = 'user') = (session_id is not null))
);
create index tickets_by_expiry on tickets (expires_at);
select declare_tenant_table('tickets');
