-- Several processes serve one database: who does what is told on the system page.
alter table processes add column roles text[] not null default '{}';
