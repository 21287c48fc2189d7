create table orders (
  -- Not a foreign key: its check would write a lock into the tenant's row for every order.
  tenant_id uuid not null,
  -- A UUIDv7 of the moment in `created_at`: a range of time is a range of ids.
  id uuid not null,
  status text not null check (status in ('pending', 'paid', 'fulfilled', 'cancelled', 'expired')),
  status_reason text,
  -- In minor units of the currency.
  total bigint not null check (total >= 0),
  currency text not null check (length(currency) = 3),
  customer jsonb,
  -- In lower case, to look orders up by.
  customer_email text,
  customer_reference text,
  metadata jsonb not null,
  created_by jsonb not null,
  tracking text,
  payment_status text not null default 'none'
    check (payment_status in ('none', 'pending', 'succeeded', 'failed', 'refunding', 'refunded')),
  payment_provider text,
  payment_reference text,
  -- 1, and one more each time that a refused payment is asked for anew: a part of the key that is sent with it.
  payment_round int not null default 1,
  payment_attempts int not null default 0,
  payment_error text,
  version int not null default 1,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null default now(),
  expires_at timestamptz(3),
  paid_at timestamptz(3),
  fulfilled_at timestamptz(3),
  cancelled_at timestamptz(3),
  primary key (tenant_id, id)
) with (fillfactor = 80);
create index orders_by_status on orders (tenant_id, status, id);
create index orders_by_email on orders (tenant_id, customer_email, id) where customer_email is not null;
create index orders_by_reference on orders (tenant_id, customer_reference, id) where customer_reference is not null;
select declare_tenant_table('orders');

create function erase_orders() returns trigger
language plpgsql as $$
begin
  delete from orders where tenant_id = old.id;
  return null;
end $$;
create trigger erase_orders after delete on tenants for each row execute function erase_orders();

-- What was ordered, with the name and the price that it had then. No foreign key to products: this is a record of what was
-- agreed, and its check would lock a product's row for every order.
create table order_lines (
  tenant_id uuid not null,
  order_id uuid not null,
  line smallint not null,
  product_id uuid not null,
  sku text,
  name text not null,
  amount bigint not null,
  quantity int not null check (quantity > 0),
  primary key (tenant_id, order_id, line),
  foreign key (tenant_id, order_id) references orders (tenant_id, id) on delete cascade
);
create index order_lines_by_product on order_lines (tenant_id, product_id, order_id);
select declare_tenant_table('order_lines');
