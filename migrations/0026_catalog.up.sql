create table products (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  sku text,
  name text not null,
  description text not null,
  -- The price, in the currency's minor units.
  amount bigint not null check (amount >= 0),
  currency text not null check (length(currency) = 3),
  image_url text,
  attributes jsonb not null,
  version int not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  archived_at timestamptz(3),
  primary key (tenant_id, id),
  unique (tenant_id, sku)
);
select declare_tenant_table('products');

-- Apart from the product, because every order writes it: these rows are a tenth as long, and nothing that an index holds
-- ever changes, so that PostgreSQL keeps the new row on the old one's page.
create table product_stock (
  tenant_id uuid not null,
  product_id uuid not null,
  -- What can be ordered, and what is held for orders that have not been fulfilled.
  stock bigint not null check (stock >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  -- Grows with every change of the product or its stock: what caches compare.
  revision bigint not null default 1,
  primary key (tenant_id, product_id),
  foreign key (tenant_id, product_id) references products (tenant_id, id) on delete cascade
) with (fillfactor = 50);
select declare_tenant_table('product_stock');
alter table product_stock set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
