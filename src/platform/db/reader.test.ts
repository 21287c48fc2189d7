import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { AppError } from '../http/errors.ts';
import { builder } from './build.ts';

type Tables = { tenants: { id: string; name: string; version: number; created_at: Date } };
const q = builder<Tables>();
const names = q.selectFrom('tenants').select(['id', 'name']);
const setting = sql<{ value: string | null }>`select current_setting('app.tenant', true) as value`;

let database: TestDatabase;
let mine: string;
let theirs: string;
before(async () => {
  database = await testDatabase({ to: 1 });
  mine = await database.makeTenant('mine');
  theirs = await database.makeTenant('theirs');
});
after(() => database.close());

test('a reader sees its own tenant and no other', async () => {
  const reader = database.db.reader(database.ctx(mine));
  assert.deepEqual(await reader.all(names), [{ id: mine, name: 'mine' }]);
  assert.deepEqual(await reader.all(names.where('id', '=', theirs)), []);
  assert.equal(await reader.first(names.where('id', '=', theirs)), undefined);
});

test('a reader runs as the role that row-level security binds', async () => {
  const reader = database.db.reader(database.ctx(mine));
  const row = await reader.first(sql<{ me: string; super: boolean }>`
    select current_user as me, rolsuper or rolbypassrls as super from pg_roles where rolname = current_user`);
  assert.deepEqual(row, { me: 'parley_app', super: false });
});

test('many readers of two tenants at once never mix', async () => {
  const readers = [database.db.reader(database.ctx(mine)), database.db.reader(database.ctx(theirs))];
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => (await readers[i % 2]?.first(names))?.id),
  );
  answers.forEach((id, i) => {
    assert.equal(id, i % 2 === 0 ? mine : theirs);
  });
});

test('the tenant is forgotten with the answer, also after an error', async () => {
  const one = await testDatabase({ to: 1 });
  const reader = one.db.reader(one.ctx(await one.makeTenant()));
  try {
    await reader.all(names);
    await assert.rejects(reader.all(sql`select 1 / 0`), /division by zero/);
    assert.equal((await reader.all(names)).length, 1, 'the connection still works');
    // A transaction that names another tenant afterwards on the same pool sees only that one.
    const other = await one.makeTenant();
    await one.db.inTx(one.ctx(other), async (tx) => {
      assert.equal((await tx.first(setting))?.value, other);
      assert.equal((await tx.first(names))?.id, other);
    });
  } finally {
    await one.close();
  }
});

test('without a tenant a tenant table answers with an error, never with an empty list', async () => {
  const { connect } = await import('./connection.ts');
  const client = await connect(database.url, { applicationName: 'test', role: 'parley_app' });
  try {
    await assert.rejects(client.query('select * from tenants'), /unrecognized configuration parameter "app.tenant"/);
    await client.query(
      "begin; select set_config('app.tenant', $$0192f000-0000-7000-8000-000000000001$$, true); commit",
    );
    await assert.rejects(client.query('select * from tenants'), /invalid input syntax for type uuid: ""/);
  } finally {
    await client.end();
  }
});

test('a tenant id that is no UUID is refused before anything is sent', () => {
  assert.throws(() => database.db.reader(database.ctx("x' or true --")), /must|needs a tenant id/);
  assert.throws(() => database.db.inTx(database.ctx("x'; drop table tenants --"), async () => {}), /needs a tenant id/);
});

test('whole numbers come as numbers, and one too large for a number is an error', async () => {
  const { system } = database.db;
  const row = await system.first(sql<{ n: number; list: number[] }>`
    select 9007199254740991::bigint as n, array[1, null, 3]::bigint[] as list`);
  assert.deepEqual(row, { n: Number.MAX_SAFE_INTEGER, list: [1, null, 3] });
  await assert.rejects(system.first(sql`select 9007199254740993::bigint as n`), RangeError);
});

test('a text that cannot be stored is the sender’s fault', async () => {
  const reader = database.db.reader(database.ctx(mine));
  const storing = [sql`select ${'a\u0000b'}::text`, sql`select ${JSON.stringify({ a: '\u0000' })}::jsonb`];
  for (const query of [...storing, sql`select ${'{"a":"\\ud800"}'}::jsonb`])
    await assert.rejects(reader.all(query), (error) => error instanceof AppError && error.code === 'validation_failed');
});

test('an aborted ctx reads nothing', async () => {
  const aborted = AbortSignal.abort(new Error('gone'));
  await assert.rejects(async () => database.db.reader(database.ctx(mine, { signal: aborted })).all(names), /gone/);
});
