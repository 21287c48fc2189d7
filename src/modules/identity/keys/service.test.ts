import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../../test/support/database.ts';
import { uuidv7 } from '../../../lib/ids.ts';
import { createVerifier } from '../../../platform/auth/verify.ts';
import { createSecrets } from '../../../platform/config/secrets.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { KEY_LEAD_MS, KEY_LIFE_MS } from './rules.ts';
import { createSigningKeys } from './service.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
after(() => database.close());

const masterKey = randomBytes(32);
const clock = { nowMs: Date.now(), now: () => new Date(clock.nowMs) };
/** The keys as one process sees them. */
function process() {
  const { db } = database;
  const [issuer, audience] = ['https://x', 'https://x/api'];
  const keys = createSigningKeys({ db, secrets: createSecrets({ db, masterKey }), clock, issuer, audience });
  return { ...keys, verify: createVerifier({ issuer, audience, clock, keyOf: keys.publicKeyOf }) };
}
const subject = () => ({ userId: uuidv7(), tenantId: uuidv7(), sessionId: uuidv7() });
const kidOf = (token: string) => decodeProtectedHeader(token).kid;
const kidsOf = async (keys: ReturnType<typeof process>) => (await keys.jwks()).keys.map((key) => key.kid);

test('processes that start at once agree on one first key', async () => {
  const processes = [process(), process(), process()];
  const tokens = await Promise.all(processes.map((keys) => keys.signAccessToken(subject())));
  assert.equal(new Set(tokens.map(kidOf)).size, 1);
  for (const keys of processes) for (const token of tokens) await keys.verify(token);
});

test('the next key is published before it signs, and the old one stays until its tokens are dead', async () => {
  const [one, two] = [process(), process()];
  const [old] = await kidsOf(one);
  assert.equal(await one.rotate(), false);
  clock.nowMs += KEY_LIFE_MS - KEY_LEAD_MS;
  assert.deepEqual(await Promise.all([one.rotate(), two.rotate()]).then((made) => made.filter(Boolean).length), 1);
  const [, next] = await kidsOf(process());
  assert.ok(next !== undefined && next !== old);
  assert.equal(kidOf(await one.signAccessToken(subject())), old);

  clock.nowMs += KEY_LEAD_MS - 1_000;
  const last = await two.signAccessToken(subject());
  assert.equal(kidOf(last), old);
  clock.nowMs += 1_000;
  const first = await two.signAccessToken(subject());
  assert.equal(kidOf(first), next);
  for (const token of [first, last]) await one.verify(token);

  clock.nowMs += 629_000 - 1_000;
  await process().verify(last);
  clock.nowMs += 180_000;
  assert.deepEqual(await kidsOf(one), [next]);
});

test('a key that this process has not heard of is looked up, but not with every token', async () => {
  const statements: string[] = [];
  const { db } = database;
  const counted: typeof db.system.all = (query) => {
    statements.push('read');
    return db.system.all(query);
  };
  const counting = createSigningKeys({
    ...{ secrets: createSecrets({ db, masterKey }), clock, issuer: 'x', audience: 'x' },
    db: { ...db, system: { ...db.system, all: counted } },
  });
  await counting.ready();
  assert.equal(statements.length, 1);
  for (let i = 0; i < 5; i += 1) assert.equal(await counting.publicKeyOf('nobody-knows-me'), undefined);
  assert.equal(statements.length, 1);
  clock.nowMs += 5_001;
  for (let i = 0; i < 5; i += 1) assert.equal(await counting.publicKeyOf('nobody-knows-me'), undefined);
  assert.equal(statements.length, 2);
});

test('a row with somebody else’s key lets nobody in', async () => {
  const stranger = generateKeyPairSync('ed25519');
  await database.db.inSystemTx((tx) =>
    tx.run(sql`
      insert into signing_keys (id, sealed, created_at, active_from)
      values ('stranger', ${stranger.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')}, now(),
              ${new Date(clock.nowMs - KEY_LIFE_MS)})`),
  );
  const keys = process();
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(clock.nowMs / 1_000);
  const { userId: sub, tenantId: tid, sessionId: sid } = subject();
  const claims = { iss: 'https://x', aud: 'https://x/api', sub, tid, sid, jti: uuidv7(), iat, exp: iat + 600 };
  const signed = `${text({ alg: 'EdDSA', typ: 'at+jwt', kid: 'stranger' })}.${text(claims)}`;
  const token = `${signed}.${sign(null, Buffer.from(signed), stranger.privateKey).toString('base64url')}`;
  await assert.rejects(keys.verify(token));
  await database.db.inSystemTx((tx) => tx.run(sql`delete from signing_keys where id = 'stranger'`));
});

test('statements are read by any process, of their own kind only, also when their key has retired', async () => {
  const keys = process();
  const jws = await keys.signStatement('test-statement', { a: 1 });
  clock.nowMs += KEY_LIFE_MS;
  await keys.rotate();
  clock.nowMs += KEY_LIFE_MS;
  const later = process();
  assert.deepEqual(await later.readStatement('test-statement', jws), { a: 1 });
  assert.equal(await later.readStatement('another-kind', jws), undefined);
  assert.equal(await later.readStatement('test-statement', `${jws}x`), undefined);
  const token = await later.signAccessToken(subject());
  assert.equal(await later.readStatement('test-statement', token), undefined);
  await assert.rejects(later.verify(jws), (error) => error instanceof AppError && error.code === 'unauthenticated');
});
