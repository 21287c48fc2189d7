import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { Type } from 'typebox';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { authenticateByName, serverWith, TENANT } from '../../../test/support/http.ts';
import { createSecrets } from '../config/secrets.ts';
import type { Tx } from '../db/queries.ts';
import { AppError } from '../http/errors.ts';
import type { Router } from '../http/router.ts';
import { purgeSchedule } from './commands.ts';

const masterKey = randomBytes(32);
let database: TestDatabase;
let count = 0;
let prepared = 0;
/** Given by a test that wants something to happen while the next command is prepared. */
let meanwhile: (() => Promise<void>) | undefined;
/** Resolved by a test that wants the first command to be in the middle of its work. */
let gate: { entered(): void; released: Promise<void> } | undefined;

before(async () => {
  database = await testDatabase();
  await database.db.inSystemTx((tx) => tx.run(sql`insert into tenants (id, name) values (${TENANT}, 'Commands')`));
});
after(() => database.close());

const Body = Type.Object({ name: Type.String() });
const Made = Type.Object({ id: Type.Integer(), name: Type.String() });

const commands = (router: Router) => {
  const common = { summary: 'Makes a thing', tag: 'things', body: Body, response: Made } as const;
  const make = async (name: string) => {
    count += 1;
    if (gate !== undefined) {
      gate.entered();
      await gate.released;
    }
    if (name === 'taken') throw new AppError('already_exists');
    return { body: { id: count, name }, headers: { Location: `/things/${count}` } };
  };
  router.command({
    ...common,
    url: '/things',
    operationId: 'createThing',
    access: 'agents:write',
    handler: async (tx: Tx, { body }) => {
      await tx.run(sql`update tenants set name = ${body.name} where id = ${tx.ctx.tenantId}`);
      return make(body.name);
    },
  });
  router.command({
    ...common,
    url: '/prepared',
    operationId: 'createPrepared',
    access: 'agents:write',
    prepare: async () => {
      prepared += 1;
      const happen = meanwhile;
      meanwhile = undefined;
      await happen?.();
      return 'ready';
    },
    handler: async (_tx, { body, prepared: made }) => make(`${body.name} ${made}`),
  });
  router.publicCommand({
    ...common,
    url: '/signups',
    operationId: 'createSignup',
    access: 'public',
    handler: async (_tx, { body }) => make(body.name),
  });
};

const serve = () =>
  serverWith({
    register: [commands],
    db: database.db,
    secrets: createSecrets({ db: database.db, masterKey }),
  });
type Server = Awaited<ReturnType<typeof serve>>;

const post = (server: Server, url: string, key: string | undefined, name = 'a', more: Record<string, string> = {}) =>
  server.app.inject({
    method: 'POST',
    url: `/api/v1${url}`,
    headers: { authorization: 'Bearer all', ...(key !== undefined && { 'idempotency-key': key }), ...more },
    payload: { name },
  });

for (const url of ['/things', '/prepared', '/signups']) {
  test(`a repeat of POST ${url} is answered byte for byte, and does nothing`, async () => {
    await using server = await serve();
    const first = await post(server, url, `repeat ${url}`.replaceAll(' ', '-'));
    assert.equal(first.statusCode, 201, first.body);
    const before = { count, prepared };
    const again = await post(server, url, `repeat ${url}`.replaceAll(' ', '-'));
    assert.equal(again.statusCode, 201);
    assert.equal(again.body, first.body);
    assert.equal(again.headers.location, first.headers.location);
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(first.headers['idempotency-replayed'], undefined);
    assert.deepEqual({ count, prepared }, before);
  });
}

test('another body, another route and another actor are other requests', async () => {
  const other = { ...(await authenticateByName({ authorization: 'Bearer all', path: '' })) };
  await using server = await serve();
  await post(server, '/things', 'scoped', 'a');
  const mismatch = await post(server, '/things', 'scoped', 'b');
  assert.equal(mismatch.statusCode, 422);
  assert.equal(mismatch.json().error.code, 'idempotency_mismatch');
  assert.equal((await post(server, '/things?x=1', 'scoped')).statusCode, 422);
  assert.equal((await post(server, '/prepared', 'scoped')).headers['idempotency-replayed'], undefined);
  await using theirs = await serverWith({
    register: [commands],
    db: database.db,
    secrets: createSecrets({ db: database.db, masterKey }),
    authenticate: async () => ({ ...other, actor: { kind: 'api_key', id: 'k1' } }) as never,
  });
  assert.equal((await post(theirs, '/things', 'scoped')).headers['idempotency-replayed'], undefined);
});

test('while the first request runs, the second is refused at once', async () => {
  await using server = await serve();
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const entered = new Promise<void>((resolve) => {
    gate = { entered: resolve, released };
  });
  const first = post(server, '/things', 'running');
  await entered;
  const second = await post(server, '/things', 'running');
  gate = undefined;
  release();
  assert.equal(second.statusCode, 409);
  assert.equal(second.json().error.code, 'idempotency_in_progress');
  assert.equal(second.headers['retry-after'], '1');
  assert.equal((await first).statusCode, 201);
  assert.equal((await post(server, '/things', 'running')).body, (await first).body);
});

test('what cannot be prepared since another one with the key has done it has that one’s answer', async () => {
  await using server = await serve();
  const first: Awaited<ReturnType<typeof post>>[] = [];
  const gone = async () => {
    throw new AppError('not_found');
  };
  meanwhile = gone;
  assert.equal((await post(server, '/prepared', 'overtaken')).statusCode, 404);
  meanwhile = async () => {
    first.push(await post(server, '/prepared', 'overtaken'));
    await gone();
  };
  const second = await post(server, '/prepared', 'overtaken');
  assert.deepEqual(
    [...first, second].map(({ statusCode, headers }) => [statusCode, headers['idempotency-replayed']]),
    [
      [201, undefined],
      [201, 'true'],
    ],
  );
  assert.equal(second.body, first[0]?.body);
});

test('twenty at once have one effect', async () => {
  await using server = await serve();
  const start = count;
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(server, '/things', 'at-once')));
  assert.equal(count, start + 1);
  const statuses = new Set(answers.map(({ statusCode }) => statusCode));
  for (const status of statuses) assert.ok(status === 201 || status === 409, String(status));
});

test('a refusal is not kept: the same key may be tried again', async () => {
  await using server = await serve();
  assert.equal((await post(server, '/things', 'refused', 'taken')).statusCode, 409);
  const start = count;
  assert.equal((await post(server, '/things', 'refused', 'taken')).statusCode, 409);
  assert.equal(count, start + 1);
  assert.equal((await post(server, '/things', 'refused', 'free')).statusCode, 201);
});

test('a key must be 1 to 255 visible ASCII characters', async () => {
  await using server = await serve();
  for (const key of ['', 'a b', 'ä', 'x'.repeat(256)])
    assert.equal((await post(server, '/things', key)).json().error?.code, 'idempotency_key_invalid', key);
  assert.equal((await post(server, '/things', 'x'.repeat(255))).statusCode, 201);
});

test('what is kept is sealed, forgotten after its time, and purged', async () => {
  await using server = await serve();
  await post(server, '/things', 'sealed', 'a-name-to-look-for');
  await post(server, '/signups', 'sealed', 'a-name-to-look-for');
  const kept = await database.db.system.all<{ answer: string }>(sql`
    select answer from idempotent_answers union all select answer from public_idempotent_answers`);
  assert.ok(kept.length >= 2);
  assert.ok(kept.every(({ answer }) => !answer.includes('a-name-to-look-for')));
  await database.db.inSystemTx(async (tx) => {
    await tx.run(sql`update idempotent_answers set expires_at = now()`);
    await tx.run(sql`update public_idempotent_answers set expires_at = now()`);
  });
  assert.equal((await post(server, '/things', 'sealed', 'another')).statusCode, 201);
  await purgeSchedule(database.db).run(new AbortController().signal);
  const left = await database.db.system.first<{ n: number }>(sql`
    select (select count(*) from idempotent_answers) + (select count(*) from public_idempotent_answers) as n`);
  assert.equal(Number(left?.n), 1);
});
