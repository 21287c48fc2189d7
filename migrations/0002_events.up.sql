-- The outbox, the log, who holds what, and background work. DESIGN sections 5 and 8.

-- Events of transactions that have committed, until the sequencer moves them into the log; usually empty.
-- No foreign key to tenants here and in `events`: its check would write a lock into the tenant's row for every event.
create table outbox (
  shard smallint not null,
  -- Insert order. Whoever waited for another transaction's row lock comes after it.
  seq bigint generated always as identity,
  tenant_id uuid not null,
  id uuid not null,
  type text not null,
  dataversion smallint not null,
  topic text not null,
  stream text not null,
  subject text not null,
  data jsonb not null,
  time timestamptz(3) not null,
  traceparent text,
  primary key (shard, seq)
);
select declare_tenant_table('outbox');
-- A tenant's transaction announces; it takes nothing back.
revoke update, delete on outbox from parley_app;
-- It fills and empties all day: dead rows must not pile up behind the sequencer's index scan.
alter table outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The log: in each shard positions 1, 2, 3 … without a hole. Partitions are ranges of positions of one shard,
-- made ahead, sealed once a day and dropped whole. `position` comes from the sequencer only, so that the keys that do not
-- start with the tenant tell nobody anything.
create table events (
  shard smallint not null,
  position bigint not null,
  tenant_id uuid not null,
  id uuid not null,
  type text not null,
  dataversion smallint not null,
  topic text not null,
  stream text not null,
  subject text not null,
  data jsonb not null,
  time timestamptz(3) not null,
  traceparent text,
  primary key (shard, position)
) partition by range (shard, position);
create index events_by_tenant on events (tenant_id, position);
create index events_by_stream on events (tenant_id, stream, position);
select declare_tenant_table('events');
revoke insert, update, delete on events from parley_app;
revoke update on events from parley_system;

-- Changes when positions start anew (a restore), so that an old cursor is told apart.
create table log_epoch (
  single boolean primary key default true check (single),
  epoch text not null default substr(md5(gen_random_uuid()::text), 1, 8)
);
insert into log_epoch default values;
select declare_platform_table('log_epoch');

-- The head of each shard.
create table log_shards (
  shard smallint primary key,
  next_position bigint not null default 1,
  -- The first position that is still kept.
  horizon bigint not null default 1,
  -- The fence of the newest sequencer: an older one's statement finds no row.
  fence bigint not null default 0
);
insert into log_shards (shard) select generate_series(0, 7);
select declare_platform_table('log_shards');

-- What partitions there are: positions from_position … to_position - 1.
create table log_partitions (
  shard smallint not null references log_shards (shard),
  from_position bigint not null,
  to_position bigint not null,
  primary key (shard, from_position)
);
insert into log_partitions select generate_series(0, 7), 1, 1000001;
select declare_platform_table('log_partitions');

-- Partitions are the owner's: these functions are all that the system role may do to them, and they do no more than
-- the DDL. Rights and policies are on the parent alone; on a partition, forced row-level security without a policy
-- lets nobody past it.
create function log_add_partition(in_shard int, in_from bigint, in_to bigint) returns void
language plpgsql security definer set search_path from current as $$
declare
  target text := format('events_%s_%s', in_shard, in_from);
begin
  execute format('create table %I (like events including defaults including constraints including storage)', target);
  execute format('alter table %I enable row level security, force row level security', target);
  execute format('revoke all on %I from public', target);
  execute format('alter table events attach partition %I for values from (%s, %s) to (%s, %s)',
    target, in_shard, in_from, in_shard, in_to);
end $$;

-- Narrows a partition to what it holds and gives the rest of its range to a new one. Attaching reads the partition to
-- see that no row lies past `in_at`; if one does, nothing happens but an error.
create function log_seal_partition(in_shard int, in_from bigint, in_at bigint, in_to bigint) returns void
language plpgsql security definer set search_path from current set lock_timeout = '2s' as $$
declare
  target text := format('events_%s_%s', in_shard, in_from);
begin
  execute format('alter table events detach partition %I', target);
  execute format('alter table events attach partition %I for values from (%s, %s) to (%s, %s)',
    target, in_shard, in_from, in_shard, in_at);
  perform log_add_partition(in_shard, in_at, in_to);
end $$;

create function log_drop_partition(in_shard int, in_from bigint) returns void
language plpgsql security definer set search_path from current set lock_timeout = '2s' as $$
declare
  target text := format('events_%s_%s', in_shard, in_from);
begin
  execute format('alter table events detach partition %I', target);
  execute format('drop table %I', target);
end $$;

revoke execute on function log_add_partition(int, bigint, bigint), log_seal_partition(int, bigint, bigint, bigint),
  log_drop_partition(int, bigint) from public;
grant execute on function log_add_partition(int, bigint, bigint), log_seal_partition(int, bigint, bigint, bigint),
  log_drop_partition(int, bigint) to parley_system;

select log_add_partition(s, 1, 1000001) from generate_series(0, 7) s;

-- A row a process, which it touches twice a second; a process that is silent for two seconds holds nothing any more.
-- Unlogged: no write-ahead log for heartbeats, and after a crash of the server nobody is alive.
create unlogged table processes (
  id uuid primary key,
  host text not null,
  pid int not null,
  started_at timestamptz(3) not null default now(),
  seen_at timestamptz not null default clock_timestamp()
);
select declare_platform_table('processes');
alter table processes set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Exclusive roles (the sequencer of shard 3, …). `fence` grows with every change of holder.
create table leases (
  name text primary key,
  -- Null: given back. A holder without a living process has crashed.
  holder uuid,
  fence bigint not null
);
select declare_platform_table('leases');

create table schedules (
  name text primary key,
  next_run_at timestamptz(3) not null
);
select declare_platform_table('schedules');

-- A group has seen everything of the shard up to `position`.
create table consumer_offsets (
  group_name text not null,
  shard smallint not null,
  position bigint not null,
  -- The fence of the newest holder.
  fence bigint not null default 0,
  -- After a crash: the event that is being tried, and how often it was begun.
  trying bigint,
  crashes int not null default 0,
  primary key (group_name, shard)
);
select declare_platform_table('consumer_offsets');
-- The effect's own transaction, a tenant's, asks here whether its holder is still the newest. There is nothing of any
-- tenant in these rows.
grant select on consumer_offsets to parley_app;
create policy read_fence on consumer_offsets for select to parley_app using (true);

-- What a group has handled beyond its offset.
create table inbox (
  tenant_id uuid not null,
  group_name text not null,
  shard smallint not null,
  position bigint not null,
  primary key (tenant_id, group_name, position)
);
select declare_tenant_table('inbox');

-- What could not be handled, and what waits behind it: rows of a group and stream are one queue, by position.
create table dead_letters (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  -- `event`: a consumer's. `job`: a job that was given up; group_name is its kind, stream its key.
  source text not null check (source in ('event', 'job')),
  group_name text not null,
  shard smallint not null,
  stream text not null,
  position bigint not null,
  -- failed: the poisoned one. parked: behind it. requeued: to be handled again, in order.
  status text not null check (status in ('failed', 'parked', 'requeued')),
  type text not null,
  -- The event's envelope (the log is dropped after a week), or the job's payload.
  body jsonb not null,
  error_code text,
  error_message text,
  attempts int not null default 0,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, source, group_name, stream, position)
);
create index dead_letters_requeued on dead_letters (group_name, shard) where status = 'requeued';
create index dead_letters_of_group on dead_letters (group_name, shard, stream);
select declare_tenant_table('dead_letters');

-- Background work that is not finished. What is done is deleted.
create table jobs (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  kind text not null,
  key text not null,
  payload jsonb not null,
  state text not null default 'waiting' check (state in ('waiting', 'running')),
  run_at timestamptz(3) not null,
  -- Tries that ended with an error, and tries whose process died.
  failures int not null default 0,
  crashes int not null default 0,
  -- Grows with every claim.
  fence bigint not null default 0,
  holder uuid,
  error text,
  traceparent text,
  created_at timestamptz(3) not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, kind, key)
);
create index jobs_due on jobs (kind, run_at) where state = 'waiting';
create index jobs_of_tenant_due on jobs (kind, tenant_id, run_at) where state = 'waiting';
create index jobs_running on jobs (holder) where state = 'running';
select declare_tenant_table('jobs');
alter table jobs set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
