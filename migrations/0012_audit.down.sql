drop table audit_checkpoints, audit_records;
