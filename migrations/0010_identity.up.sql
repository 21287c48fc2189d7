-- Who there is. An email is not unique: nothing may tell whether somebody has an account, not even sign-up, so a
-- second sign-up with the same email and another password is another account. All accounts of an email share one
-- salt, so that a single run of argon2id finds the right one, however many there are.
create table users (
  id uuid primary key,
  email text not null check (length(email) <= 254),
  -- Lower case, NFC: what sign-in looks up.
  email_key text not null check (length(email_key) <= 254),
  name text not null check (length(name) <= 200),
  password_salt bytea not null check (octet_length(password_salt) = 16),
  -- How the password was hashed, as in `m=65536,t=3,p=1`; one text for all accounts of an email.
  password_cost text not null,
  -- SHA-256 of what argon2id gave.
  password_verifier bytea not null check (octet_length(password_verifier) = 32),
  password_changed_at timestamptz(3) not null,
  version int not null default 1,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null
);
create index users_by_credentials on users (email_key, password_verifier);
select declare_platform_table('users');

-- A user in a tenant. Email and name are what this tenant was told, so that its lists need no other tenant's rows.
create table memberships (
  tenant_id uuid not null references tenants(id) on delete cascade,
  user_id uuid not null references users(id),
  email text not null,
  name text not null,
  roles text[] not null
    check (cardinality(roles) between 1 and 5 and roles <@ array['owner', 'admin', 'developer', 'operator', 'viewer']),
  last_used_at timestamptz(3) not null,
  version int not null default 1,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  primary key (tenant_id, user_id)
);
create index memberships_by_user on memberships (user_id, last_used_at desc);
select declare_tenant_table('memberships');

-- A sign-in, and the family of its refresh tokens: the row holds no token, only the seed (sealed) that the token of
-- each generation is made from, and which generation is the valid one.
create table sessions (
  tenant_id uuid not null references tenants(id) on delete cascade,
  id uuid not null,
  user_id uuid not null,
  sealed_seed text not null,
  generation int not null default 1,
  -- When the newest rotations happened, newest first, in Unix milliseconds: for the grace of a repeated refresh.
  rotations jsonb not null default '[]',
  ip text,
  user_agent text check (length(user_agent) <= 300),
  created_at timestamptz(3) not null,
  last_used_at timestamptz(3) not null,
  -- Without a refresh until then the session is over; `ends_at` is the end in any case.
  expires_at timestamptz(3) not null,
  ends_at timestamptz(3) not null,
  revoked_at timestamptz(3),
  revoke_reason text,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references memberships (tenant_id, user_id) on delete cascade
);
create index sessions_by_user on sessions (tenant_id, user_id, last_used_at desc) where revoked_at is null;
create index sessions_by_expiry on sessions (expires_at);
select declare_tenant_table('sessions');

create table invitations (
  tenant_id uuid not null references tenants(id) on delete cascade,
  id uuid not null,
  email text not null check (length(email) <= 254),
  roles text[] not null
    check (cardinality(roles) between 1 and 5 and roles <@ array['owner', 'admin', 'developer', 'operator', 'viewer']),
  token_digest bytea not null check (octet_length(token_digest) = 32),
  -- A member: a key's invitation would outlive the key.
  invited_by uuid not null,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  accepted_at timestamptz(3),
  accepted_by uuid,
  primary key (tenant_id, id),
  unique (tenant_id, token_digest)
);
select declare_tenant_table('invitations');

-- Keys that sign access tokens and audit checkpoints. Sealed as a whole, the public half too: whoever could write a
-- public key here could sign in as anybody. Retired keys stay, because old checkpoints are checked with them.
create table signing_keys (
  id text primary key,
  sealed text not null,
  created_at timestamptz(3) not null,
  -- Published from its creation on, used from here on.
  active_from timestamptz(3) not null
);
select declare_platform_table('signing_keys');
