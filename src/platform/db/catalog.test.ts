import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';

/** The rules that every table of every migration keeps. A new table that breaks one makes this file red. */
let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
after(() => database.close());

const ask = <T>(text: string) => database.db.system.all(sql.raw<T>(text));

/** The migrations' own record is the owner's: no role of ours has any right to it. */
const OWN = new Set(['schema_migrations']);

/**
 * Keys of tenant tables that do not begin with the tenant. A partition key must be in every unique key, and a
 * position, which the sequencer gives, tells no tenant anything about another.
 */
const KEYS_WITHOUT_TENANT = new Set(['outbox_pkey', 'events_pkey']);

/** What a tenant's role may do to platform tables; each with its reason in the migration. */
const APP_ON_PLATFORM = new Set(['consumer_offsets SELECT']);

const TABLES = `
  select c.oid, c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
         c.relispartition as partition, coalesce(obj_description(c.oid, 'pg_class'), '') as kind
  from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by relname`;
type Table = { oid: number; name: string; enabled: boolean; forced: boolean; partition: boolean; kind: string };
const tables = async () => (await ask<Table>(TABLES)).filter(({ name }) => !OWN.has(name));
const tenantTables = async () =>
  new Set((await tables()).filter(({ kind }) => kind === 'tenant table').map((t) => t.name));

test('every table is declared as a tenant’s or the platform’s', async () => {
  const all = (await tables()).filter(({ partition }) => !partition);
  assert.ok(all.length > 20);
  const undeclared = all.filter(({ kind }) => kind !== 'tenant table' && kind !== 'platform table');
  assert.deepEqual(
    undeclared.map(({ name }) => name),
    [],
  );
});

test('every table forces row-level security, its partitions too', async () => {
  const open = (await tables()).filter(({ enabled, forced }) => !enabled || !forced);
  assert.deepEqual(
    open.map(({ name }) => name),
    [],
  );
});

type Policy = {
  table: string;
  name: string;
  roles: string[];
  cmd: string;
  permissive: string;
  qual: string;
  check: string;
};
const policies = () =>
  ask<Policy>(`select tablename as table, policyname as name, roles::text[] as roles, cmd, permissive, qual, with_check as check
    from pg_policies where schemaname = 'public'`);

test('a tenant table lets parley_app in by the tenant alone, and parley_system everywhere', async () => {
  const all = await policies();
  for (const table of await tenantTables()) {
    const own = all.filter((policy) => policy.table === table);
    assert.deepEqual(own.map(({ name }) => name).sort(), ['system_access', 'tenant_isolation'], table);
    const isolation = own.find(({ name }) => name === 'tenant_isolation');
    const column = table === 'tenants' ? 'id' : 'tenant_id';
    const expected = `(${column} = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))`;
    const { roles, cmd, permissive, qual, check } = isolation as Policy;
    assert.deepEqual(
      { roles, cmd, permissive, qual, check },
      { roles: ['parley_app'], cmd: 'ALL', permissive: 'PERMISSIVE', qual: expected, check: expected },
      table,
    );
    assert.deepEqual(own.find(({ name }) => name === 'system_access')?.roles, ['parley_system'], table);
  }
});

test('no policy is for everybody, and parley_app has none on a platform table but those that are listed', async () => {
  const tenants = await tenantTables();
  const odd = (await policies()).filter(
    ({ table, roles, cmd }) =>
      roles.some((role) => role !== 'parley_app' && role !== 'parley_system') ||
      (roles.includes('parley_app') && !tenants.has(table) && !APP_ON_PLATFORM.has(`${table} ${cmd}`)),
  );
  assert.deepEqual(odd, []);
});

type Grant = { table: string; grantee: string; privilege: string; partition: boolean };
const grants = () =>
  ask<Grant>(`select c.relname as table, coalesce(r.rolname, 'PUBLIC') as grantee, a.privilege_type as privilege, c.relispartition as partition
    from pg_class c cross join lateral aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
    where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner`);

test('rights are granted on parents only: a partition is read past the policy of its parent', async () => {
  assert.deepEqual(
    (await grants()).filter(({ partition }) => partition),
    [],
  );
});

test('only the two roles have rights, parley_app on tenant tables, and nothing but reading and writing rows', async () => {
  const tenants = await tenantTables();
  const rows = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE']);
  const odd = (await grants()).filter(
    ({ table, grantee, privilege }) =>
      !rows.has(privilege) ||
      (grantee !== 'parley_app' && grantee !== 'parley_system') ||
      (grantee === 'parley_app' && !tenants.has(table) && !APP_ON_PLATFORM.has(`${table} ${privilege}`)),
  );
  assert.deepEqual(odd, []);
});

test('every tenant table has the column, never null', async () => {
  const columns = await ask<{ table: string; required: boolean }>(`
    select attrelid::regclass::text as table, attnotnull as required
    from pg_attribute where attname = 'tenant_id' and not attisdropped`);
  const required = new Set(columns.filter((column) => column.required).map(({ table }) => table));
  const lacking = [...(await tenantTables())].filter((table) => table !== 'tenants' && !required.has(table));
  assert.deepEqual(lacking, []);
});

test('every unique key of a tenant table begins with the tenant', async () => {
  const indexes = await ask<{ table: string; index: string; first: string }>(`
    select i.indrelid::regclass::text as table, i.indexrelid::regclass::text as index,
           (select attname from pg_attribute where attrelid = i.indrelid and attnum = i.indkey[0]) as first
    from pg_index i join pg_class c on c.oid = i.indrelid
    where i.indisunique and c.relnamespace = 'public'::regnamespace and not c.relispartition`);
  const tenants = await tenantTables();
  const odd = indexes.filter(
    ({ table, index, first }) =>
      tenants.has(table) && first !== (table === 'tenants' ? 'id' : 'tenant_id') && !KEYS_WITHOUT_TENANT.has(index),
  );
  assert.deepEqual(odd, []);
});

test('a reference from one tenant table to another carries the tenant', async () => {
  const references = await ask<{ name: string; from: string; to: string; columns: string[]; targets: string[] }>(`
    select conname as name, conrelid::regclass::text as from, confrelid::regclass::text as to,
           (select array_agg(attname::text order by n) from unnest(conkey) with ordinality k(num, n)
              join pg_attribute on attrelid = conrelid and attnum = num) as columns,
           (select array_agg(attname::text order by n) from unnest(confkey) with ordinality k(num, n)
              join pg_attribute on attrelid = confrelid and attnum = num) as targets
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace`);
  const tenants = await tenantTables();
  const odd = references.filter(({ from, to, columns, targets }) => {
    if (!tenants.has(from) || !tenants.has(to)) return false;
    return columns[0] !== 'tenant_id' || targets[0] !== (to === 'tenants' ? 'id' : 'tenant_id');
  });
  assert.deepEqual(odd, []);
});

test('a view asks with the rights of who asks, and none is materialised', async () => {
  const views = await ask<{ name: string; kind: string; options: string[] | null }>(`
    select relname as name, relkind::text as kind, reloptions as options
    from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')`);
  const odd = views.filter(({ kind, options }) => kind === 'm' || !options?.includes('security_invoker=true'));
  assert.deepEqual(odd, []);
});

test('a function with the owner’s rights is for parley_system alone', async () => {
  const functions = await ask<{ name: string; everybody: boolean; app: boolean }>(`
    select proname as name, coalesce(proacl is null or proacl::text ~ '[{,]=X', true) as everybody,
           has_function_privilege('parley_app', oid, 'execute') as app
    from pg_proc where pronamespace = 'public'::regnamespace and prosecdef`);
  assert.deepEqual(
    functions.filter(({ everybody, app }) => everybody || app),
    [],
  );
});

test('the two roles are neither superusers nor past row-level security, and cannot sign in', async () => {
  const roles = await ask(`select rolname as name, rolsuper or rolbypassrls or rolcanlogin or rolcreaterole as mighty
    from pg_roles where rolname in ('parley_app', 'parley_system') order by 1`);
  assert.deepEqual(roles, [
    { name: 'parley_app', mighty: false },
    { name: 'parley_system', mighty: false },
  ]);
});
