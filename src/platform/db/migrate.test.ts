import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { MIGRATIONS, type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { connect } from './connection.ts';
import { migrateDown, migrateUp, migrationStatus, whyNotServe } from './migrate.ts';
import { type Migration, MigrationError, readMigrations } from './migrations.ts';
import { openDb } from './open.ts';
import { ensureRoles } from './roles.ts';

const open: TestDatabase[] = [];
const empty = async () => {
  const database = await testDatabase({ migrated: false });
  open.push(database);
  return database.url;
};
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-migrations-'));
});
after(async () => {
  await Promise.all([...open.map((database) => database.close()), rm(folder, { recursive: true })]);
});

const step = (version: number, up: string, down = 'select 1'): Migration => ({
  ...{ version, name: `step_${version}`, up, down, checksum: `${version}:${up}` },
  inTransaction: !up.startsWith('-- no transaction'),
});

async function ask<T>(url: string, text: string): Promise<T[]> {
  const client = await connect(url, { applicationName: 'test' });
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

/** Everything that a migration can make, as text. */
const CATALOG = `
  select 'column ' || c.relname || '.' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull::text
         || coalesce(' ' || pg_get_expr(adbin, adrelid), '') as line
    from pg_attribute a join pg_class c on c.oid = attrelid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped
  union all select 'relation ' || relname || ' ' || relkind::text || relpersistence::text || relrowsecurity::text
         || relforcerowsecurity::text
         || coalesce(relacl::text, '') || coalesce(reloptions::text, '') || coalesce(obj_description(oid), '')
    from pg_class where relnamespace = 'public'::regnamespace
  union all select 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace
  union all select 'index ' || indexdef from pg_indexes where schemaname = 'public'
  union all select 'policy ' || tablename || policyname || roles::text || cmd || coalesce(qual, '') || coalesce(with_check, '')
    from pg_policies where schemaname = 'public'
  union all select 'function ' || pg_get_functiondef(oid) || coalesce(proacl::text, '')
    from pg_proc where pronamespace = 'public'::regnamespace
  union all select 'trigger ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
  order by 1`;

test('our migrations go up, down and up again to the same catalog', async () => {
  const url = await empty();
  const migrations = await readMigrations(MIGRATIONS);
  const all = migrations.map(({ version }) => version);
  assert.deepEqual(
    (await migrateUp({ url, migrations })).map(({ version }) => version),
    all,
  );
  const first = await ask(url, CATALOG);
  assert.ok(first.length > 100);
  assert.deepEqual(
    (await migrateDown({ url, migrations, to: 0 })).map(({ version }) => version),
    all.toReversed(),
  );
  const bare = await ask<{ line: string }>(url, CATALOG);
  assert.deepEqual(
    bare.map(({ line }) => line).filter((line) => !line.includes('schema_migrations')),
    [],
  );
  await migrateUp({ url, migrations });
  assert.deepEqual(await ask(url, CATALOG), first);
  assert.deepEqual(await migrateUp({ url, migrations }), [], 'nothing is left to do');
});

test('it goes up to a number, and down to one', async () => {
  const url = await empty();
  const migrations = [1, 2, 3].map((n) => step(n, `create table t${n} (a int)`, `drop table t${n}`));
  await migrateUp({ url, migrations, to: 2 });
  assert.deepEqual(await applied(url, migrations), [1, 2]);
  await migrateUp({ url, migrations });
  await migrateDown({ url, migrations, to: 1 });
  assert.deepEqual(await applied(url, migrations), [1]);
});

const applied = async (url: string, migrations: Migration[]) =>
  (await migrationStatus({ url, migrations })).applied.map(({ version }) => version);

test('a file that was changed after it was applied is refused', async () => {
  const url = await empty();
  await migrateUp({ url, migrations: [step(1, 'select 1')] });
  const changed = { url, migrations: [step(1, 'select 2')] };
  await assert.rejects(migrateUp(changed), /0001_step_1 was changed after it had been applied/);
  await assert.rejects(migrationStatus(changed), MigrationError);
});

test('a file that was slipped in between is refused', async () => {
  const url = await empty();
  await migrateUp({ url, migrations: [step(1, 'select 1'), step(3, 'select 3')] });
  const late = [step(1, 'select 1'), step(2, 'select 2'), step(3, 'select 3')];
  await assert.rejects(migrateUp({ url, migrations: late }), /0002_step_2 is not applied here, but number 3 is/);
});

test('a step that fails leaves nothing of itself, and those before it stay', async () => {
  const url = await empty();
  const migrations = [step(1, 'create table a (n int)'), step(2, 'create table b (n int); select 1 / 0')];
  await assert.rejects(migrateUp({ url, migrations }), /0002_step_2 \(up\) failed: division by zero/);
  assert.deepEqual(await applied(url, migrations), [1]);
  assert.deepEqual(await ask(url, "select to_regclass('b') as b"), [{ b: null }]);
});

test('a step that cannot run in a transaction runs without one', async () => {
  const url = await empty();
  const concurrently = step(2, '-- no transaction\ncreate index concurrently i on a (n)');
  await migrateUp({ url, migrations: [step(1, 'create table a (n int)'), concurrently] });
  assert.deepEqual(await ask(url, "select to_regclass('i')::text as i"), [{ i: 'i' }]);
});

test('migrators of one database wait for one another', async () => {
  const url = await empty();
  const migrations = [step(1, 'create table a (n int); select pg_sleep(0.05)'), step(2, 'create table b (n int)')];
  const done = await Promise.all(Array.from({ length: 4 }, () => migrateUp({ url, migrations })));
  assert.deepEqual(done.map((steps) => steps.length).sort(), [0, 0, 0, 2]);
});

test('a release serves its own schema and the next one, no older and no newer', async () => {
  const url = await empty();
  const [one, two, three, four] = [1, 2, 3, 4].map((n) => step(n, 'select 1')) as [
    Migration,
    Migration,
    Migration,
    Migration,
  ];
  const why = async (...known: Migration[]) => whyNotServe(await migrationStatus({ url, migrations: known }));
  assert.match((await why(one)) ?? '', /lacks 1 migration\(s\), from 0001_step_1 on: run "parley migrate up"/);
  await migrateUp({ url, migrations: [one, two, three] });
  assert.equal(await why(one, two, three), undefined);
  assert.equal(await why(one, two), undefined);
  assert.match((await why(one)) ?? '', /2 migrations ahead of this release/);
  assert.match((await why(one, two, three, four)) ?? '', /lacks 1/);
  await assert.rejects(migrateDown({ url, migrations: [one, two], to: 0 }), /0003_step_3 is of a newer release/);
});

const FAULTS: [string, Record<string, string>, RegExp][] = [
  ['a name that says nothing', { 'x.sql': '' }, /x\.sql in the migrations is not named/],
  ['no way down', { '0001_a.up.sql': '' }, /0001_a has no way down/],
  ['no way up', { '0001_a.down.sql': '' }, /0001_a has no way up/],
  [
    'a number used twice',
    { '0001_a.up.sql': '', '0001_a.down.sql': '', '0001_b.up.sql': '', '0001_b.down.sql': '' },
    /a and b share number 1/,
  ],
];
for (const [name, files, message] of FAULTS)
  test(`a folder of migrations is refused for ${name}`, async () => {
    const inside = await mkdtemp(join(folder, 'f-'));
    for (const [file, text] of Object.entries(files)) await writeFile(join(inside, file), text);
    await assert.rejects(readMigrations(inside), message);
  });

test('the roles are made by many at once without an error', async () => {
  const url = await empty();
  const clients = await Promise.all(Array.from({ length: 6 }, () => connect(url, { applicationName: 'test' })));
  try {
    // Other test files use the two roles on this server, so they cannot be dropped first; the race is over the grants.
    await Promise.all(clients.map(ensureRoles));
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
  assert.equal((await ask(url, "select from pg_roles where rolname in ('parley_app', 'parley_system')")).length, 2);
});

test('an owner that is no superuser, but may make roles, migrates and serves', async (t) => {
  const url = await empty();
  const [me] = await ask<{ super: boolean }>(
    url,
    'select rolsuper as super from pg_roles where rolname = current_user',
  );
  if (!me?.super) return t.skip('the owner of this server is one, so every test here shows it');
  const name = `owner_${randomBytes(4).toString('hex')}`;
  const password = randomBytes(8).toString('hex');
  await ask(url, `create role ${name} login createrole password '${password}'`);
  const database = new URL(url).pathname.slice(1);
  await ask(url, `alter database ${database} owner to ${name}`);
  // What a server that Parley finds for the first time gives by itself: the maker of a role may grant it.
  await ask(url, `grant parley_app, parley_system to ${name} with admin option`);
  await ask(url, `alter schema public owner to ${name}`);
  const own = new URL(url);
  own.searchParams.delete('user');
  own.searchParams.set('user', name);
  own.searchParams.set('password', password);
  own.username = '';
  own.password = '';
  const migrations = await readMigrations(MIGRATIONS);
  await migrateUp({ url: own.href, migrations });
  const db = openDb({ url: own.href, writeOutbox: async () => {} });
  try {
    const { sql } = await import('kysely');
    const id = '0192f000-0000-7000-8000-000000000001';
    await db.inSystemTx((tx) => tx.run(sql`insert into tenants (id, name) values (${id}, 'x')`));
    assert.deepEqual(await db.system.all(sql`select name from tenants`), [{ name: 'x' }]);
  } finally {
    await db.close();
  }
  await migrateDown({ url: own.href, migrations, to: 0 });
  await ask(url, `reassign owned by ${name} to current_user`);
  await ask(url, `drop owned by ${name}`);
  await ask(url, `drop role ${name}`);
});
