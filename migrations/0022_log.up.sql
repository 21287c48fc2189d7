-- Which discussion this one was forked from, and after which message: {discussion_id, seq}. Null: from none.
alter table discussions add column forked_from jsonb;
