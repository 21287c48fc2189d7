-- A breaker is a process's own, and who asks for the system page is answered by another one: each process tells how its breakers stand.
alter table processes add column breakers jsonb not null default '[]';
