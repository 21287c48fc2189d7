drop table public_idempotent_answers;
drop table idempotent_answers;
