alter table schedules drop column last_run_at;
alter table dead_letters drop column crashes, drop column traceparent;
