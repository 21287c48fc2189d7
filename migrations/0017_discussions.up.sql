create table discussions (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  topic text not null,
  status text not null
    check (status in ('created', 'running', 'waiting', 'paused', 'completed', 'cancelled', 'failed')),
  status_reason text,
  policy jsonb not null,
  limits jsonb not null,
  on_post text not null,
  on_turn_failure text not null,
  memory jsonb not null,
  participants jsonb not null,
  context jsonb not null,
  -- The log, folded: all that a turn policy may know (rules/fold.ts).
  state jsonb not null,
  -- Who has the turn, and why: {participant_id, reason}. Null while a moderator is asked, and at the end.
  next_speaker jsonb,
  -- Grows with everything that is set in motion; a job of an older step changes nothing.
  step int not null default 0,
  turn int not null,
  -- How often this turn was begun.
  attempt int not null default 0,
  -- The last entry of the log, and the last message.
  last_entry int not null default 0,
  last_seq int not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cost_nano_usd bigint not null default 0,
  -- Time spent running or waiting before `running_since`.
  elapsed_ms bigint not null default 0,
  running_since timestamptz(3),
  created_by jsonb not null,
  version int not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  started_at timestamptz(3),
  ended_at timestamptz(3),
  primary key (tenant_id, id)
);
create index discussions_by_status on discussions (tenant_id, status, id desc);
select declare_tenant_table('discussions');

-- The log of a discussion: messages, proposals of a moderator, and turns that ended without a message.
create table discussion_entries (
  tenant_id uuid not null,
  discussion_id uuid not null,
  -- 1, 2, 3 … within the discussion, without a hole.
  entry int not null,
  id uuid not null,
  kind text not null check (kind in ('message', 'proposal', 'turn_end')),
  -- Messages only: 1, 2, 3 … without a hole.
  seq int,
  -- Null: said outside of a turn.
  turn int,
  author jsonb not null,
  content text not null,
  metadata jsonb not null,
  input_tokens int not null default 0,
  output_tokens int not null default 0,
  cost_nano_usd bigint,
  time_to_first_token_ms int,
  duration_ms int,
  created_at timestamptz(3) not null,
  primary key (tenant_id, discussion_id, entry),
  unique (tenant_id, discussion_id, seq),
  foreign key (tenant_id, discussion_id) references discussions (tenant_id, id) on delete cascade
);
-- Two messages, or a message and a skip, can never both end one turn, whatever the code above does.
create unique index discussion_entries_one_end_a_turn on discussion_entries (tenant_id, discussion_id, turn)
  where kind <> 'proposal' and turn is not null;
select declare_tenant_table('discussion_entries');

create table discussion_turns (
  tenant_id uuid not null,
  discussion_id uuid not null,
  turn int not null,
  participant_id uuid not null,
  name text not null,
  reason text not null,
  status text not null
    check (status in ('running', 'waiting', 'paused', 'completed', 'interrupted', 'skipped', 'failed', 'cancelled')),
  attempts int not null,
  error jsonb,
  message_id uuid,
  input_tokens int not null default 0,
  output_tokens int not null default 0,
  cost_nano_usd bigint,
  -- What was said so far, kept about once a second for who joins from another process or after a crash.
  partial text,
  partial_attempt int,
  started_at timestamptz(3) not null,
  ended_at timestamptz(3),
  primary key (tenant_id, discussion_id, turn),
  foreign key (tenant_id, discussion_id) references discussions (tenant_id, id) on delete cascade
);
select declare_tenant_table('discussion_turns');
