-- Two kinds of tables. A tenant table holds rows of one tenant each: parley_app sees those of the tenant that its
-- transaction named (`app.tenant`), parley_system sees all. A platform table is parley_system's alone.
-- Row-level security is forced, so that not even the owner reads past it. Without a tenant, current_setting fails
-- (or the empty text fails as a uuid): a forgotten tenant is an error, never an empty list.

create function declare_tenant_table(target regclass, tenant_column name default 'tenant_id') returns void
language plpgsql as $$
begin
  execute format('alter table %s enable row level security, force row level security', target);
  execute format(
    'create policy tenant_isolation on %1$s for all to parley_app
       using (%2$I = (select current_setting(''app.tenant'')::uuid))
       with check (%2$I = (select current_setting(''app.tenant'')::uuid))', target, tenant_column);
  execute format('create policy system_access on %s for all to parley_system using (true) with check (true)', target);
  execute format('grant select, insert, update, delete on %s to parley_app, parley_system', target);
  execute format('comment on table %s is ''tenant table''', target);
end $$;

create function declare_platform_table(target regclass) returns void
language plpgsql as $$
begin
  execute format('alter table %s enable row level security, force row level security', target);
  execute format('create policy system_access on %s for all to parley_system using (true) with check (true)', target);
  execute format('grant select, insert, update, delete on %s to parley_system', target);
  execute format('comment on table %s is ''platform table''', target);
end $$;

-- Functions are executable by everybody unless told otherwise; these are for migrations only.
revoke execute on function declare_tenant_table(regclass, name), declare_platform_table(regclass) from public;

create table tenants (
  id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  version int not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
select declare_tenant_table('tenants', 'id');
-- Tenants come and go by the system's hand only.
revoke insert, delete on tenants from parley_app;

-- The data key of each tenant, sealed by the master key. No tenant's own role reads it. It names its tenant without
-- a foreign key, because a secret may be sealed in the transaction that creates the tenant.
create table tenant_keys (
  tenant_id uuid not null,
  version int not null,
  sealed text not null,
  created_at timestamptz(3) not null default now(),
  primary key (tenant_id, version)
);
select declare_platform_table('tenant_keys');

create function erase_tenant_keys() returns trigger
language plpgsql as $$
begin
  delete from tenant_keys where tenant_id = old.id;
  return null;
end $$;
create trigger erase_keys after delete on tenants for each row execute function erase_tenant_keys();

create table system_keys (
  version int primary key,
  sealed text not null,
  created_at timestamptz(3) not null default now()
);
select declare_platform_table('system_keys');
