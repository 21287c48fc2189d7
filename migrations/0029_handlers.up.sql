-- What those who operate the server look at: the trace of a letter (an event's is in its envelope, a job's was lost), and
-- when a schedule last ran, so that a clock that is set back repeats no tick.
alter table dead_letters add column traceparent text;
-- Processes that died while they handled a letter again: the third time it stays where it is.
alter table dead_letters add column crashes int not null default 0;
alter table schedules add column last_run_at timestamptz(3);
