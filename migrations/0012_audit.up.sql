-- What happened, for ever: each record's hash covers its content and the hash before it, so that a record changed,
-- taken out or put in between breaks the chain. Nobody but the tables' owner may change or delete.
create table audit_records (
  tenant_id uuid not null references tenants(id) on delete cascade,
  -- 1, 2, 3 … within a tenant.
  seq bigint not null check (seq > 0),
  event_id uuid not null,
  type text not null,
  time timestamptz(3) not null,
  actor_kind text,
  actor_id text,
  subject text not null,
  data jsonb not null,
  previous_hash bytea not null check (octet_length(previous_hash) = 32),
  hash bytea not null check (octet_length(hash) = 32),
  primary key (tenant_id, seq),
  unique (tenant_id, event_id)
);
create index audit_records_by_type on audit_records (tenant_id, type, seq desc);
create index audit_records_by_actor on audit_records (tenant_id, actor_id, seq desc);
select declare_tenant_table('audit_records');
revoke update, delete on audit_records from parley_app, parley_system;

-- Heads of the chain signed with a key that is not in the database in the clear: a chain that was cut short, or
-- written anew from some record on, does not fit them.
create table audit_checkpoints (
  tenant_id uuid not null references tenants(id) on delete cascade,
  seq bigint not null,
  hash bytea not null check (octet_length(hash) = 32),
  -- A compact JWS over tenant, seq, hash and time.
  statement text not null,
  created_at timestamptz(3) not null,
  primary key (tenant_id, seq)
);
select declare_tenant_table('audit_checkpoints');
revoke update, delete on audit_checkpoints from parley_app, parley_system;
