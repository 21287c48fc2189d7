drop table discussion_turns;
drop table discussion_entries;
drop table discussions;
