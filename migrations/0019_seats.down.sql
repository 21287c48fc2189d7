-- Confined keys must not become unconfined ones. Forced row-level security hides them from the owner.
alter table api_keys no force row level security;
delete from api_keys where confined_to is not null;
alter table api_keys force row level security;
drop index api_keys_confined, api_keys_made_by;
alter table api_keys drop column confined_to, drop column made_by;
alter table discussions drop column deadline, drop column fence, drop column claimed_step;
