drop table jobs, dead_letters, inbox, consumer_offsets, schedules, leases, processes, log_partitions, log_shards, log_epoch;
drop function log_seal_partition(int, bigint, bigint, bigint), log_drop_partition(int, bigint),
  log_add_partition(int, bigint, bigint);
drop table events, outbox;
