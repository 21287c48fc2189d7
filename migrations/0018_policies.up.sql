-- Ballots are entries of the log, like a moderator's proposals; neither ends a turn.
alter table discussion_entries drop constraint discussion_entries_kind_check;
alter table discussion_entries add constraint discussion_entries_kind_check
  check (kind in ('message', 'proposal', 'ballot', 'turn_end'));

drop index discussion_entries_one_end_a_turn;
-- Two messages, or a message and a skip, can never both end one turn, whatever the code above does.
create unique index discussion_entries_one_end_a_turn on discussion_entries (tenant_id, discussion_id, turn)
  where kind <> 'proposal' and kind <> 'ballot' and turn is not null;

-- Why each speaker was chosen, shown with the turns. A voter votes once a turn, whatever the code above does.
create index discussion_entries_proposals on discussion_entries (tenant_id, discussion_id, turn, entry)
  where kind in ('proposal', 'ballot');
create unique index discussion_entries_one_ballot on discussion_entries
  (tenant_id, discussion_id, turn, (author ->> 'participant_id')) where kind = 'ballot';
