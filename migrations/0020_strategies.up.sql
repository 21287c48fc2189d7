-- Model ids, tried in order when the agent's model cannot be had.
alter table agents add column fallback_models jsonb not null default '[]';
