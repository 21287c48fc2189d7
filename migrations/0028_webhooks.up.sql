-- Where a tenant wants its events sent.
create table webhooks (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  url text not null,
  description text,
  -- Null: every type but those of the audit record.
  types text[],
  enabled boolean not null,
  disabled_reason text check (disabled_reason in ('manual', 'gone', 'failing', 'backlog')),
  disabled_at timestamptz(3),
  -- Events from here on are sent. Set when it is made and when it is enabled again.
  enabled_at timestamptz(3),
  -- Since when no attempt has succeeded; null while they do.
  failing_since timestamptz(3),
  secret_sealed text not null,
  -- Signs beside the new one until then.
  previous_sealed text,
  previous_until timestamptz(3),
  -- The newest replay and how far it is; null where there was none.
  replay jsonb,
  version int not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (tenant_id, id),
  check (enabled = (disabled_reason is null))
);
select declare_tenant_table('webhooks');

-- One event on its way to one webhook. Its next attempt is a job under its id.
create table webhook_deliveries (
  tenant_id uuid not null,
  id uuid not null,
  webhook_id uuid not null,
  kind text not null check (kind in ('event', 'replay', 'test')),
  event_id uuid not null,
  -- Which replay sent it again; the webhook's own id for what was sent once, as it happened.
  batch_id uuid not null,
  type text not null,
  stream text not null,
  -- `epoch.position` of the event; null for a test, which is not in the log.
  log_cursor text,
  -- Byte for byte what is signed and sent: the log may be dropped before the last attempt.
  body text not null,
  status text not null default 'pending' check (status in ('pending', 'succeeded', 'failed', 'cancelled')),
  attempt_count int not null default 0,
  -- Failures since it was asked for, or asked for again by hand: where it is on the schedule of retries.
  failures int not null default 0,
  next_attempt_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  completed_at timestamptz(3),
  primary key (tenant_id, id),
  unique (tenant_id, webhook_id, event_id, batch_id),
  foreign key (tenant_id, webhook_id) references webhooks (tenant_id, id) on delete cascade
);
create index webhook_deliveries_listed on webhook_deliveries (tenant_id, webhook_id, id);
create index webhook_deliveries_pending on webhook_deliveries (tenant_id, webhook_id) where status = 'pending';
create index webhook_deliveries_by_age on webhook_deliveries (created_at);
select declare_tenant_table('webhook_deliveries');

create table webhook_attempts (
  tenant_id uuid not null,
  delivery_id uuid not null,
  number int not null,
  at timestamptz(3) not null,
  -- Null: no answer came.
  status int,
  latency_ms int not null,
  error text,
  response text,
  primary key (tenant_id, delivery_id, number),
  foreign key (tenant_id, delivery_id) references webhook_deliveries (tenant_id, id) on delete cascade
);
select declare_tenant_table('webhook_attempts');
