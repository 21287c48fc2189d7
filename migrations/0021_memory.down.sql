drop table document_passages;
alter table agents no force row level security;
update agents set memory = jsonb_build_object('window', coalesce((memory ->> 'window')::int, 40));
alter table agents force row level security;
alter table generations drop constraint generations_kind_check;
-- What was spent on summaries stays in the accounts.
alter table generations no force row level security;
update generations set kind = 'moderator' where kind = 'summary';
alter table generations force row level security;
alter table generations add constraint generations_kind_check check (kind in ('chat', 'agent', 'turn', 'moderator'));
drop table discussion_words;
drop table discussion_summaries;
drop table discussion_texts;
alter table discussion_turns drop column given;
