-- What a speaker was given for its turn, as places in the log and hashes of texts (discussions/memory/given.ts). It is
-- no copy: messages never change, and every other text is kept once per discussion, however often it was given.
alter table discussion_turns add column given jsonb;

create table discussion_texts (
  tenant_id uuid not null,
  discussion_id uuid not null,
  -- SHA-256 of the text, its first 16 bytes as base64url.
  hash text not null check (length(hash) = 22),
  text text not null,
  primary key (tenant_id, discussion_id, hash),
  foreign key (tenant_id, discussion_id) references discussions (tenant_id, id) on delete cascade
);
select declare_tenant_table('discussion_texts');

-- What was said up to `up_to_seq`, in short. Never changed: a later one begins from it and goes further.
create table discussion_summaries (
  tenant_id uuid not null,
  discussion_id uuid not null,
  up_to_seq int not null check (up_to_seq > 0),
  text text not null,
  model text not null,
  generation_id uuid not null,
  input_tokens int not null,
  output_tokens int not null,
  cost_nano_usd bigint,
  created_at timestamptz(3) not null default now(),
  primary key (tenant_id, discussion_id, up_to_seq),
  foreign key (tenant_id, discussion_id) references discussions (tenant_id, id) on delete cascade
);
select declare_tenant_table('discussion_summaries');

alter table generations drop constraint generations_kind_check;
alter table generations add constraint generations_kind_check
  check (kind in ('chat', 'agent', 'turn', 'moderator', 'summary'));

-- Words of messages, for retrieval. Made behind the discussion, and only where somebody retrieves.
create table discussion_words (
  tenant_id uuid not null,
  discussion_id uuid not null,
  seq int not null,
  search tsvector not null,
  primary key (tenant_id, discussion_id, seq),
  foreign key (tenant_id, discussion_id) references discussions (tenant_id, id) on delete cascade
);
select declare_tenant_table('discussion_words');

-- An agent's memory overrides the discussion's where it says something. The default was written into every agent that
-- said nothing; nobody chose it. The owner sees no rows under forced row-level security.
alter table agents no force row level security;
update agents set memory = '{}' where memory = '{"window": 40}';
alter table agents force row level security;

-- Documents in pieces of a few sentences, for retrieval: to make the words of sixteen documents of 100 KB for each turn
-- would take PostgreSQL a third of a second.
create table document_passages (
  tenant_id uuid not null,
  document_id uuid not null,
  -- 0, 1, 2 … in the order of the text.
  passage int not null,
  text text not null,
  search tsvector not null generated always as (to_tsvector('english', text)) stored,
  primary key (tenant_id, document_id, passage),
  foreign key (tenant_id, document_id) references documents (tenant_id, id) on delete cascade
);
-- Documents that are here already are cut by length; at their next change they are cut where sentences end.
alter table documents no force row level security;
insert into document_passages (tenant_id, document_id, passage, text)
select tenant_id, id, n, substr(text, n * 1000 + 1, 1000)
from documents cross join lateral generate_series(0, (length(text) - 1) / 1000) n;
alter table documents force row level security;
select declare_tenant_table('document_passages');
