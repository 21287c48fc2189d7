-- A tsvector holds at most 1 MiB, and a text of ours that is all different words would pass that: then its first half is
-- searchable, or a quarter, rather than the insert failing.
create function document_search(title text, body text) returns tsvector
language plpgsql immutable parallel safe as $$
declare
  size int := length(body);
begin
  loop
    begin
      return setweight(to_tsvector('simple', title) || to_tsvector('english', title), 'A')
        || to_tsvector('english', left(body, size)) || to_tsvector('simple', left(body, size));
    exception when program_limit_exceeded then
      size := size / 2;
    end;
  end loop;
end
$$;

create table documents (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  title text not null,
  text text not null,
  bytes int not null,
  words int not null,
  metadata jsonb not null,
  search tsvector not null generated always as (document_search(title, text)) stored,
  version int not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (tenant_id, id)
);

-- No GIN index: under row-level security a match against a tsvector (not leakproof) is only tried after the tenant's
-- policy, so PostgreSQL would never use it. The tenant's own rows are found by the primary key.
select declare_tenant_table('documents');
