import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../../test/support/database.ts';
import { createWorld, type World } from '../../../../test/support/world.ts';
import { append } from '../../../platform/events/outbox.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { memoryLimiter } from '../../../platform/reliability/limiter-memory.ts';
import { silentLog } from '../../../platform/telemetry/log.ts';
import { sessionRevoked } from '../events.ts';
import { createSigningKeys } from '../keys/service.ts';
import { createSessions } from '../sessions/service.ts';
import { revokeSession } from '../sessions/store.ts';
import { createThrottle } from '../throttle.ts';
import { createFailures } from './failures.ts';
import { CHEAP_PASSWORD_COST, createPasswords } from './passwords.ts';
import { emailKey } from './rules.ts';
import { createAccounts } from './service.ts';

/** A second set of the identity's parts on the world's database, as another process would have them. */
function anotherProcess({ app }: World) {
  const { db, secrets, hub } = app;
  const clock = { nowMs: Date.now(), now: () => new Date(clock.nowMs) };
  const keys = createSigningKeys({ db, secrets, clock, issuer: 'https://x', audience: 'https://x/api' });
  const sessions = createSessions({ db, clock, secrets, keys, hub });
  const failures = createFailures({ db, clock, log: silentLog });
  const passwords = createPasswords({ masterKey: randomBytes(32), cost: CHEAP_PASSWORD_COST });
  const throttle = createThrottle(memoryLimiter(clock));
  const config = { signup: 'open' } as const;
  const accounts = createAccounts({ db, clock, config, passwords, sessions, throttle, failures });
  return { accounts, sessions, failures, passwords, clock, keys };
}

let world: World;
before(async () => {
  world = await createWorld({ app: { limits: { sign_in: { tokens: 100_000, windowSeconds: 1 } } } });
});
after(() => world.stop());

const CLIENT = { ip: '192.0.2.7', userAgent: 'test' };
const PASSWORD = 'correct horse battery';
const invalidGrant = (error: unknown) => error instanceof AppError && error.code === 'invalid_grant';

test('sign-in costs one run of argon2id, whoever it is and however many have the email', async () => {
  const { accounts, passwords } = anotherProcess(world);
  const crowd = 'crowd@example.com';
  for (let i = 0; i < 5; i += 1) await world.signUp({ email: crowd, password: `password of number ${i}` });
  await world.signUp({ email: 'alone@example.com', password: PASSWORD });
  const runsOf = async (email: string, password: string) => {
    const before = passwords.runs();
    await accounts.signIn({ email, password }, CLIENT).catch((error) => assert.ok(invalidGrant(error)));
    return passwords.runs() - before;
  };
  const table: [email: string, password: string][] = [
    [crowd, 'password of number 0'],
    [crowd, 'password of number 4'],
    [crowd, 'the password of nobody'],
    ['alone@example.com', PASSWORD],
    ['alone@example.com', 'not the password'],
    ['unknown@example.com', PASSWORD],
    ['no email at all', PASSWORD],
    ['unknown@example.com', ''],
  ];
  for (const [email, password] of table) assert.equal(await runsOf(email, password), 1, `${email} ${password}`);
});

test('sign-up costs one run of argon2id, whether the email is taken or not', async () => {
  const { accounts, passwords } = anotherProcess(world);
  await world.signUp({ email: 'taken@example.com', password: PASSWORD });
  for (const [email, password] of [
    ['taken@example.com', PASSWORD],
    ['taken@example.com', 'another password'],
    ['free@example.com', PASSWORD],
  ] as const) {
    const before = passwords.runs();
    await accounts.prepareSignUp({ email, password, tenantName: 'X' }, CLIENT);
    assert.equal(passwords.runs() - before, 1);
  }
});

test('accounts of one email share a salt, which outlives the master key; those of two emails do not', async () => {
  const salts = async (email: string) => {
    const rows = await world.db.system.all<{ salt: Buffer }>(
      sql`select password_salt as salt from users where email_key = ${emailKey(email)}`,
    );
    return new Set(rows.map((row) => row.salt.toString('hex')));
  };
  await world.signUp({ email: 'one@example.com', password: 'the first password' });
  // Another master key than the world's.
  const { accounts } = anotherProcess(world);
  const candidate = await accounts.prepare({ email: 'One@example.com', password: 'the second password' }, CLIENT);
  await world.db.inSystemTx((tx) => accounts.signUp(tx, candidate, 'Second'));
  await world.signUp({ email: 'two@example.com', password: 'the first password' });
  assert.equal((await salts('one@example.com')).size, 1);
  assert.notDeepEqual(await salts('one@example.com'), await salts('two@example.com'));
  await accounts.signIn({ email: 'one@example.com', password: 'the first password' }, CLIENT);
});

test('failed sign-ins are announced once a minute and email, with how many they were', async () => {
  const { accounts, failures, clock } = anotherProcess(world);
  const { email, tenantId, userId } = await world.signUp({ email: 'victim@example.com', password: PASSWORD });
  const fail = () => accounts.signIn({ email, password: 'a wrong guess' }, CLIENT).catch(() => undefined);
  for (let i = 0; i < 4; i += 1) await fail();
  await failures.settled();
  clock.nowMs += 61_000;
  await fail();
  await failures.settled();
  await world.settle();
  const rows = await world.db.system.all<{ data: object }>(
    sql`select data from events where tenant_id = ${tenantId} and type = 'user_sign_in_failed' order by position`,
  );
  assert.deepEqual(
    rows.map((row) => row.data),
    [
      { user_id: userId, count: 1, network: '192.0.2.0/24' },
      { user_id: userId, count: 4, network: '192.0.2.0/24' },
    ],
  );
});

test('what another process ends is over here once its event is in the log, streams included', async () => {
  const member = await world.signUp();
  const { tenantId, userId, sessionId } = member;
  assert.equal((await member.get('/auth/me')).status, 200);
  const ended = Promise.withResolvers<string>();
  await world.app.hub.subscribe({
    ...{ tenantId, actorId: userId, sessionId, sink: () => true, onEnd: ended.resolve },
  });
  // The row and the event, without the local forgetting that goes with them in the process that does it.
  await world.db.inTx(member.ctx, async (tx) => {
    await revokeSession(tx, { tenantId, id: sessionId, userId, reason: 'revoked', now: new Date() });
    const data = {
      user_id: userId,
      session_id: sessionId,
      reason: 'revoked',
      by: { kind: 'user', id: userId },
    } as const;
    append(tx, sessionRevoked, { stream: `identity/${tenantId}`, subject: sessionId, data });
  });
  assert.equal(await ended.promise, 'revoked');
  assert.equal((await member.get('/auth/me')).status, 401);
});

test('the surplus of sessions ends, the one unused for longest first', async () => {
  const member = await world.signUp();
  const { sessions } = anotherProcess(world);
  const { tenantId, userId } = member;
  for (let i = 0; i < 200; i += 1) {
    const draft = await sessions.draft();
    await world.db.inSystemTx((tx) =>
      sessions.begin(tx, draft, { tenantId, userId, client: CLIENT, method: 'password' }),
    );
  }
  assert.equal((await member.get('/auth/me')).status, 401);
});

test('hashing has a queue with an end', async () => {
  const passwords = createPasswords({ masterKey: randomBytes(32), cost: 'm=1024,t=1,p=1' });
  const credentials = passwords.credentialsFor('a@example.com');
  const answers = await Promise.allSettled(
    Array.from({ length: 200 }, () => passwords.verifierOf('some password', credentials)),
  );
  const refused = answers.filter((answer) => answer.status === 'rejected').map((answer) => answer.reason);
  assert.ok(refused.length > 100 && refused.length < 200);
  assert.ok(refused.every((error) => error instanceof AppError && error.code === 'overloaded'));
  assert.equal(passwords.runs() + refused.length, 200);
});

test('the same password and credentials give the same verifier; anything else does not', async () => {
  const passwords = createPasswords({ masterKey: randomBytes(32), cost: CHEAP_PASSWORD_COST });
  const credentials = passwords.credentialsFor('a@example.com');
  const verifier = await passwords.verifierOf('some password', credentials);
  assert.ok(verifier.equals(await passwords.verifierOf('some password', credentials)));
  for (const other of [
    await passwords.verifierOf('some passwords', credentials),
    await passwords.verifierOf('some password', passwords.credentialsFor('b@example.com')),
    await passwords.verifierOf('some password', { ...credentials, cost: 'm=64,t=2,p=1' }),
  ])
    assert.ok(!verifier.equals(other));
  await assert.rejects(passwords.verifierOf('some password', { ...credentials, cost: 'md5' }), /cost/);
});

test('tenants keep their people from one another in the database itself', async () => {
  let database: TestDatabase | undefined;
  try {
    database = await testDatabase();
    const [one, two] = await Promise.all([database.makeTenant(), database.makeTenant()]);
    const reader = database.db.reader(database.ctx(one));
    await assert.rejects(reader.all(sql`select * from users`), /permission denied/);
    await assert.rejects(reader.all(sql`select * from signing_keys`), /permission denied/);
    assert.deepEqual(await reader.all(sql`select id from tenants where id = ${two}`), []);
  } finally {
    await database?.close();
  }
});
