drop index discussion_entries_one_ballot;
drop index discussion_entries_proposals;
-- What the release before does not know. Its discussions go on by the rules that it has.
alter table discussion_entries no force row level security;
delete from discussion_entries where kind = 'ballot';
alter table discussion_entries force row level security;
drop index discussion_entries_one_end_a_turn;
create unique index discussion_entries_one_end_a_turn on discussion_entries (tenant_id, discussion_id, turn)
  where kind <> 'proposal' and turn is not null;
alter table discussion_entries drop constraint discussion_entries_kind_check;
alter table discussion_entries add constraint discussion_entries_kind_check
  check (kind in ('message', 'proposal', 'turn_end'));
