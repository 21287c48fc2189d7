alter table discussions drop column forked_from;
