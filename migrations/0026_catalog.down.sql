drop table product_stock;
drop table products;
