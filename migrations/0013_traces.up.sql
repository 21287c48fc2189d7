-- One row a model call, whatever came of it. Agents and discussions are named without a foreign key: what was spent
-- outlives what it was spent on.
create table generations (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  model text not null,
  provider text not null,
  rehearsal boolean not null,
  kind text not null check (kind in ('chat', 'agent', 'turn', 'moderator')),
  status text not null check (status in ('succeeded', 'failed', 'aborted')),
  error_code text,
  finish_reason text,
  input_tokens int not null,
  output_tokens int not null,
  -- The provider told no counts.
  tokens_estimated boolean not null,
  -- What was received, also of an answer that broke off.
  output_characters int not null,
  -- Null when no price is known.
  cost_nano_usd bigint,
  -- How often the provider was asked: more than 1 when it was asked again before its first token.
  attempts int not null,
  -- Null when no token came.
  time_to_first_token_ms int,
  duration_ms int not null,
  agent_id uuid,
  discussion_id uuid,
  turn int,
  actor_kind text not null,
  actor_id text not null,
  trace_id text not null,
  created_at timestamptz(3) not null,
  primary key (tenant_id, id)
);
create index generations_by_agent on generations (tenant_id, agent_id, id desc) where agent_id is not null;
create index generations_by_discussion on generations (tenant_id, discussion_id, id desc) where discussion_id is not null;
select declare_tenant_table('generations');
