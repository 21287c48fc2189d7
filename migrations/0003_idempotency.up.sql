-- The answers of commands that came with an Idempotency-Key, kept so that a repeat gets the same bytes.
-- `scope` is SHA-256 of actor, method, route and key; the answer is sealed with the tenant's data key.
create table idempotent_answers (
  tenant_id uuid not null references tenants (id) on delete cascade,
  scope bytea not null check (length(scope) = 32),
  fingerprint bytea not null check (length(fingerprint) = 32),
  answer text not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  primary key (tenant_id, scope)
);
create index idempotent_answers_expiry on idempotent_answers (expires_at);
select declare_tenant_table('idempotent_answers');

-- The same for nobody in particular (sign-up); sealed with the system's data key.
create table public_idempotent_answers (
  scope bytea primary key check (length(scope) = 32),
  fingerprint bytea not null check (length(fingerprint) = 32),
  answer text not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null
);
create index public_idempotent_answers_expiry on public_idempotent_answers (expires_at);
select declare_platform_table('public_idempotent_answers');
