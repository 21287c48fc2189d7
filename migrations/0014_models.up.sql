-- Model providers that a tenant set up for itself.
create table model_providers (
  tenant_id uuid not null references tenants (id) on delete cascade,
  name text not null,
  kind text not null check (kind in ('openai', 'anthropic', 'google', 'openai_compatible')),
  base_url text,
  -- Sealed under the tenant's key (purpose: model_providers/{name}/api_key).
  api_key_sealed text,
  api_key_last4 text,
  version int not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (tenant_id, name)
);
select declare_tenant_table('model_providers');

create table model_settings (
  tenant_id uuid primary key references tenants (id) on delete cascade,
  -- Null: chosen by what is configured.
  default_model text,
  version int not null default 1,
  updated_at timestamptz(3) not null default now()
);
select declare_tenant_table('model_settings');
