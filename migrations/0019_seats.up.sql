-- A confined key opens only routes that are bound by one of these path parameters, {"discussion_id": …}, and only there.
-- It dies with the key that made it, if a key did; revoking that one revokes these.
alter table api_keys
  add column confined_to jsonb check (jsonb_typeof(confined_to) = 'object'),
  add column made_by uuid;
-- One key at a time for each thing that keys are confined to: a new one takes the old one's place.
create unique index api_keys_confined on api_keys (tenant_id, confined_to)
  where revoked_at is null and confined_to is not null;
create index api_keys_made_by on api_keys (tenant_id, made_by) where revoked_at is null and made_by is not null;

alter table discussions
  -- When the turn under way is cut. Null while none is.
  add column deadline timestamptz(3),
  -- Grows with every claim of a turn; who has the newest may end the turn, while `claimed_step` is still the step.
  add column fence int not null default 0,
  add column claimed_step int;
