import { isUuid } from '../../lib/ids.ts';

/** The setting that row-level security compares `tenant_id` with. It lives for one transaction, never longer. */
export const SCOPE = { name: 'parley_scope', text: "select set_config('app.tenant', $1, true)" } as const;

export const COMMIT = 'commit';
export const ROLLBACK = 'rollback';
export const PING = 'select 1';

/**
 * Opens a tenant's transaction in one simple-protocol message, which takes no parameters: the id is written into
 * the text, so anything but a canonical UUID is refused first.
 */
export function beginFor(tenantId: string): string {
  if (!isUuid(tenantId)) throw new Error('A transaction needs a tenant id that is a UUID');
  return `begin; select set_config('app.tenant', '${tenantId}', true)`;
}

export const BEGIN = 'begin';

/** Advisory locks by number, one list for the whole product so that no two mean the same. */
export const MIGRATIONS_LOCK = 7_276_001;
export const OWNER_LOCK = 7_276_002;

export const SCHEMA = {
  waitForever: 'set lock_timeout = 0',
  waitAtMost: "select set_config('lock_timeout', $1, false)",
  lock: 'select pg_advisory_lock($1)',
  exists: "select to_regclass('schema_migrations') is not null as exists",
  create: `create table if not exists schema_migrations (
    version int primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz(3) not null default now()
  )`,
  applied: 'select version, name, checksum, applied_at from schema_migrations order by version',
  record: 'insert into schema_migrations (version, name, checksum) values ($1, $2, $3)',
  forget: 'delete from schema_migrations where version = $1',
} as const;

export const OWNER = {
  tryLock: 'select pg_try_advisory_lock($1) as taken',
  /** Together with others who share it, and never beside one who does not. */
  tryLockShared: 'select pg_try_advisory_lock_shared($1) as taken',
  /** An int8 key is shown as its two halves. */
  holder: `
    select a.application_name as name, a.backend_start as since
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid = 0 and l.objid = $1::bigint::oid`,
} as const;

export const CLUSTER = {
  hasDatabase: 'select exists (select from pg_database where datname = $1) as exists',
} as const;

export const INSPECT = `
  select current_setting('server_version_num')::int / 10000 as "majorVersion",
         current_setting('server_encoding') as encoding,
         (select count(*) = 2 and bool_and(pg_has_role(current_user, oid, 'member'))
            from pg_roles where rolname = any($1)) as "rolesReady",
         (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as "mayCreateRoles"`;
