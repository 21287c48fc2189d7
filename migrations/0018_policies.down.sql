drop index discussion_entries_one_ballot;
drop index discussion_entries_proposals;
-- What the release before does not know. Discussions of its policies go on in the order of their participants; those that
-- wait for somebody to choose stand until they are resumed.
alter table discussion_entries no force row level security;
alter table discussions no force row level security;
delete from discussion_entries where kind = 'ballot';
update discussions set status = 'paused', status_reason = 'requested', running_since = null
where status = 'waiting' and next_speaker is null;
update discussions set policy = jsonb_build_object('type', 'round_robin', 'order',
  (select jsonb_agg(p -> 'id') from jsonb_array_elements(participants) p))
where policy ->> 'type' not in ('round_robin', 'moderator');
alter table discussions force row level security;
alter table discussion_entries force row level security;
drop index discussion_entries_one_end_a_turn;
create unique index discussion_entries_one_end_a_turn on discussion_entries (tenant_id, discussion_id, turn)
  where kind <> 'proposal' and turn is not null;
alter table discussion_entries drop constraint discussion_entries_kind_check;
alter table discussion_entries add constraint discussion_entries_kind_check
  check (kind in ('message', 'proposal', 'turn_end'));
