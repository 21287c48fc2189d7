create table agents (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  name text not null,
  -- Null: the tenant's default model at the moment of the call.
  model text,
  instructions text not null,
  parameters jsonb not null,
  memory jsonb not null,
  metadata jsonb not null,
  status text not null check (status in ('active', 'archived')),
  version int not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
select declare_tenant_table('agents');

-- Who still needs an agent. Kept here for modules below, so that this one need not know them.
create table agent_holds (
  tenant_id uuid not null,
  agent_id uuid not null,
  -- `discussions/0192…`
  holder text not null,
  created_at timestamptz(3) not null default now(),
  primary key (tenant_id, agent_id, holder),
  foreign key (tenant_id, agent_id) references agents (tenant_id, id) on delete restrict,
  foreign key (tenant_id) references tenants (id) on delete cascade
);
create index agent_holds_by_holder on agent_holds (tenant_id, holder);
select declare_tenant_table('agent_holds');
