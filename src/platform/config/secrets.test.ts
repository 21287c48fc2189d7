import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { createSecrets, type Secrets, UnsealError } from './secrets.ts';

let database: TestDatabase;
let secrets: Secrets;
let one: string;
let two: string;
const masterKey = randomBytes(32);
before(async () => {
  database = await testDatabase({ to: 1 });
  secrets = createSecrets({ db: database.db, masterKey });
  [one, two] = [await database.makeTenant(), await database.makeTenant()];
});
after(() => database.close());

test('what is sealed opens again, and never looks the same twice', async () => {
  const sealed = await secrets.seal(one, 'providers/1/api_key', 'sk-geheim');
  assert.equal(await secrets.open(one, 'providers/1/api_key', sealed), 'sk-geheim');
  assert.doesNotMatch(sealed, /geheim/);
  assert.notEqual(await secrets.seal(one, 'providers/1/api_key', 'sk-geheim'), sealed);
});

test('no nonce comes twice, in one process or in two', async () => {
  const other = createSecrets({ db: database.db, masterKey });
  const sealed = await Promise.all(
    Array.from({ length: 2_000 }, (_, n) => (n % 2 === 0 ? secrets : other).sealSystem('p', 'the same')),
  );
  const nonces = sealed.map((text) =>
    Buffer.from(text.slice(text.indexOf('.') + 1), 'base64url').toString('hex', 0, 12),
  );
  assert.equal(new Set(nonces).size, 2_000);
  for (const text of sealed.slice(0, 600)) assert.equal(await secrets.openSystem('p', text), 'the same');
});

test('an empty text and a long one are sealed like any other', async () => {
  for (const text of ['', 'ä'.repeat(100_000)])
    assert.equal(await secrets.openSystem('p', await secrets.sealSystem('p', text)), text);
});

test('it opens for no other tenant, no other purpose, and not as the system’s', async () => {
  const sealed = await secrets.seal(one, 'a/b', 'x');
  await assert.rejects(secrets.open(two, 'a/b', sealed), UnsealError);
  await assert.rejects(secrets.open(one, 'a/c', sealed), UnsealError);
  await assert.rejects(secrets.openSystem('a/b', sealed), UnsealError);
});

test('no character of it can be changed', async () => {
  const sealed = await secrets.seal(one, 'p', 'secret');
  for (let i = 0; i < sealed.length; i++) {
    const changed = `${sealed.slice(0, i)}${sealed[i] === 'A' ? 'B' : 'A'}${sealed.slice(i + 1)}`;
    await assert.rejects(secrets.open(one, 'p', changed), UnsealError, `character ${i}`);
  }
  for (const wrong of ['', 'v1.', 'v1.AAAA', sealed.slice(0, -1), `${sealed}A`, sealed.replace('v1', 'v2')])
    await assert.rejects(secrets.open(one, 'p', wrong), UnsealError, wrong);
});

test('another process opens it with the same master key, and not with another', async () => {
  const sealed = await secrets.seal(one, 'p', 'x');
  assert.equal(await createSecrets({ db: database.db, masterKey }).open(one, 'p', sealed), 'x');
  const stranger = createSecrets({ db: database.db, masterKey: randomBytes(32) });
  await assert.rejects(stranger.open(one, 'p', sealed), UnsealError);
});

test('two processes that make a tenant’s first key at once agree on one', async () => {
  const tenant = await database.makeTenant();
  const processes = Array.from({ length: 6 }, () => createSecrets({ db: database.db, masterKey }));
  const sealed = await Promise.all(processes.map((p, i) => p.seal(tenant, 'p', `text ${i}`)));
  const opened = await Promise.all(sealed.map((text) => (processes[0] as Secrets).open(tenant, 'p', text)));
  assert.deepEqual(
    opened,
    processes.map((_, i) => `text ${i}`),
  );
});

test('a data key is at rest only under the master key, and goes with its tenant', async () => {
  const { system } = database.db;
  const rows = () => system.all(sql<{ sealed: string }>`select sealed from tenant_keys where tenant_id = ${two}`);
  await secrets.seal(two, 'p', 'x');
  assert.equal((await rows()).length, 1);
  await database.db.inSystemTx((tx) => tx.run(sql`delete from tenants where id = ${two}`));
  assert.deepEqual(await rows(), []);
});

test('a tenant’s own role cannot read the keys', async () => {
  const reader = database.db.reader(database.ctx(one));
  await assert.rejects(reader.all(sql`select * from tenant_keys`), /permission denied/);
  await assert.rejects(reader.all(sql`select * from system_keys`), /permission denied/);
});
