drop trigger erase_orders on tenants;
drop function erase_orders();
drop table order_lines;
drop table orders;
