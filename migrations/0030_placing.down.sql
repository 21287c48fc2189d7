drop trigger erase_answers on tenants;
drop function erase_answers();
delete from idempotent_answers a where not exists (select from tenants t where t.id = a.tenant_id);
alter table idempotent_answers add constraint idempotent_answers_tenant_id_fkey
  foreign key (tenant_id) references tenants (id) on delete cascade;

create or replace function erase_orders() returns trigger
language plpgsql as $$
begin
  delete from orders where tenant_id = old.id;
  return null;
end $$;
delete from order_lines l where not exists (select from orders o where o.tenant_id = l.tenant_id and o.id = l.order_id);
alter table order_lines add constraint order_lines_tenant_id_order_id_fkey
  foreign key (tenant_id, order_id) references orders (tenant_id, id) on delete cascade;
