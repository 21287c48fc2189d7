import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { sql } from 'kysely';
import { type CtxOptions, type TestDatabase, testCtx, testDatabase } from '../../../test/support/database.ts';
import { createSecrets } from '../config/secrets.ts';
import type { Ctx } from '../context.ts';
import { connect } from '../db/connection.ts';
import type { Tx } from '../db/queries.ts';
import { AppError } from '../http/errors.ts';
import type { MountedRoute } from '../http/routes.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { Commands } from './commands.ts';
import type { Answer, Given } from './keys.ts';

/** What a command asks for: a name to write, a refusal, or a statement that fails with all that are in its transaction. */
type Wish = { readonly name: string; readonly does?: 'refuse' | 'break' };

const route = {
  method: 'POST',
  urls: ['/api/v1/things'],
  spec: { idempotency: 'required' },
} as unknown as MountedRoute;
const masterKey = randomBytes(32);
let database: TestDatabase;
let metrics: ReturnType<typeof createMetrics>;
let tenant: string;
let post: (key: string, wish: Wish, options?: CtxOptions & { body?: string; tenantId?: string }) => Promise<Given>;
/** The names that came together, a transaction each. */
let rounds: string[][];
/** While it is set, work waits for it before it ends; `entered` tells that it has begun. */
let gate: { entered(): void; opened: Promise<void> } | undefined;

before(async () => {
  database = await testDatabase();
  const owner = await connect(database.url, { applicationName: 'test' });
  await owner.query('create table things (tenant_id uuid not null, name text not null, answer text)');
  await owner.query("select declare_tenant_table('things')");
  await owner.end();
});
after(() => database.close());
afterEach(() => metrics.close());
beforeEach(async () => {
  metrics = createMetrics();
  tenant = await database.makeTenant();
  rounds = [];
  gate = undefined;
  const commands = new Commands({ db: database.db, secrets: createSecrets({ db: database.db, masterKey }), metrics });
  const run = commands.together(route, { limit: 4, ahead: async () => 'known', work });
  post = (key, wish, { body = JSON.stringify(wish), tenantId = tenant, ...options } = {}) => {
    const headers = { 'idempotency-key': key, 'content-type': 'application/json' };
    const request = { headers, method: 'POST', url: '/api/v1/things', parley: { rawBody: Buffer.from(body) } };
    return run(ctxOf(tenantId, options), request as unknown as FastifyRequest, wish);
  };
});

const ME = { kind: 'user', id: '01920000-0000-7000-8000-000000000002', sessionId: 's' } as const;
const ctxOf = (tenantId: string, options: CtxOptions): Ctx => testCtx(tenantId, { actor: ME, ...options });

async function work(tx: Tx, wishes: readonly Wish[], ahead: string): Promise<PromiseSettledResult<Answer>[]> {
  assert.equal(ahead, 'known');
  rounds.push(wishes.map(({ name }) => name));
  const here = gate;
  here?.entered();
  await here?.opened;
  return wishes.map(({ name, does }) => {
    if (does === 'refuse') return { status: 'rejected', reason: new AppError('out_of_stock') };
    if (does === 'break') tx.send(sql`select 1 / (select count(*) - count(*) from things)`);
    tx.send(sql`insert into things (tenant_id, name) values (${tx.ctx.tenantId}, ${name})`);
    return { status: 'fulfilled', value: { status: 201, headers: { etag: `"${name}"` }, body: `{"name":"${name}"}` } };
  });
}

/** Lets a first command begin, and holds it until `open`: whatever is posted meanwhile waits and then goes together. */
async function hold(): Promise<{ first: Promise<Given>; open(): void }> {
  const opened = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  gate = { entered: entered.resolve, opened: opened.promise };
  const first = post('first', { name: 'first' });
  await entered.promise;
  gate = undefined;
  return { first, open: opened.resolve };
}

const written = async (tenantId = tenant) =>
  (
    await database.db.system.all<{ name: string }>(sql`
      select name from things where tenant_id = ${tenantId} order by name`)
  ).map(({ name }) => name);
const kept = async () =>
  (await database.db.system.all(sql`select from idempotent_answers where tenant_id = ${tenant}`)).length;
const codeOf = (result: PromiseSettledResult<Given>) =>
  result.status === 'fulfilled' ? result.value.status : (result.reason as AppError).code;

test('what waits for one transaction goes together in the next, at most so many, in its order', async () => {
  const { first, open } = await hold();
  const others = ['a', 'b', 'c', 'd', 'e'].map((name) => post(name, { name }));
  open();
  const answers = await Promise.all([first, ...others]);
  assert.deepEqual(rounds, [['first'], ['a', 'b', 'c', 'd'], ['e']]);
  assert.deepEqual(
    answers.map(({ body, replayed }) => [body, replayed]),
    ['first', 'a', 'b', 'c', 'd', 'e'].map((name) => [`{"name":"${name}"}`, false]),
  );
  assert.deepEqual(await written(), ['a', 'b', 'c', 'd', 'e', 'first']);
  assert.match(await metrics.text(), /commands_together_sum{route="\/api\/v1\/things"} 6\n/);
  assert.match(await metrics.text(), /commands_together_count{route="\/api\/v1\/things"} 3\n/);
});

test('in one transaction each has its own outcome: new, repeated, another under its key, refused, twice at once', async () => {
  const before = await post('known', { name: 'known' });
  const { first, open } = await hold();
  const settled = Promise.allSettled([
    post('new', { name: 'new' }),
    post('known', { name: 'known' }),
    post('known2', { name: 'x' }, { body: 'other' }),
    post('refused', { name: 'no', does: 'refuse' }),
  ]);
  const twice = Promise.allSettled([post('new', { name: 'new' }), post('first', { name: 'first' })]);
  open();
  await first;
  const results = await settled;
  assert.deepEqual(results.map(codeOf), [201, 201, 201, 'out_of_stock']);
  assert.deepEqual((await twice).map(codeOf), ['idempotency_in_progress', 'idempotency_in_progress']);
  assert.deepEqual(rounds, [['known'], ['first'], ['new', 'x', 'no']], 'what was done is not worked on');
  const again = results[1]?.status === 'fulfilled' ? results[1].value : undefined;
  assert.deepEqual(again, { ...before, replayed: true }, 'byte for byte, headers too');
  const other = await Promise.allSettled([
    post('known', { name: 'known' }, { body: 'other' }),
    post('known2', { name: 'x' }, { body: 'other' }),
  ]);
  assert.deepEqual(other.map(codeOf), ['idempotency_mismatch', 201]);
  assert.deepEqual(await written(), ['first', 'known', 'new', 'x']);
  assert.equal(await kept(), 4, 'a refusal is not kept');
});

test('one that cannot be written fails alone', async () => {
  const { first, open } = await hold();
  const settled = Promise.allSettled([
    post('a', { name: 'a' }),
    post('bad', { name: 'bad', does: 'break' }),
    post('c', { name: 'c' }),
  ]);
  open();
  await first;
  const [a, bad, c] = await settled;
  assert.deepEqual([a?.status, bad?.status, c?.status], ['fulfilled', 'rejected', 'fulfilled']);
  assert.match(String((bad as PromiseRejectedResult).reason), /division by zero/);
  assert.deepEqual(rounds, [['first'], ['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  assert.deepEqual(await written(), ['a', 'c', 'first']);
  assert.equal(await kept(), 3);
  assert.equal((await post('bad', { name: 'bad', does: 'break' }, {}).catch(() => 'again')).valueOf(), 'again');
});

test('whoever has left by then is not waited for, and the others are not taken along', async () => {
  const leaving = new AbortController();
  const { first, open } = await hold();
  const settled = Promise.allSettled([
    post('gone', { name: 'gone' }, { signal: leaving.signal }),
    post('here', { name: 'here' }),
  ]);
  leaving.abort(new Error('gone'));
  open();
  await first;
  const [gone, here] = await settled;
  assert.match(String((gone as PromiseRejectedResult).reason), /gone/);
  assert.equal(here?.status, 'fulfilled');
  assert.deepEqual(await written(), ['first', 'here']);
  assert.equal((await post('gone', { name: 'gone' })).replayed, false);
});

test('cut off in the middle, nothing is there of any of them, and each can be asked for again', async () => {
  const { first, open } = await hold();
  const owner = await connect(database.url, { applicationName: 'test' });
  const { rowCount } = await owner.query(`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and state = 'idle in transaction'`);
  await owner.end();
  assert.equal(rowCount, 1);
  const settled = Promise.allSettled(['a', 'b'].map((name) => post(name, { name })));
  open();
  await assert.rejects(first, { code: 'unavailable' });
  assert.deepEqual((await settled).map(codeOf), [201, 201], 'the next have a new connection');
  assert.deepEqual(await written(), ['a', 'b']);
  assert.equal((await post('first', { name: 'first' })).replayed, false);
});

test('where the database is away all fail at once, and nobody is tried alone', async () => {
  const { first, open } = await hold();
  const unreachable = Promise.withResolvers<void>();
  gate = { entered: unreachable.resolve, opened: Promise.reject(new AppError('unavailable')) };
  gate.opened.catch(() => {});
  const settled = Promise.allSettled(['a', 'b', 'c'].map((name) => post(name, { name })));
  open();
  await first;
  assert.deepEqual((await settled).map(codeOf), ['unavailable', 'unavailable', 'unavailable']);
  assert.equal(rounds.length, 2);
});

test('a thousand wait; one more is told at once that there is no room', async () => {
  const leaving = new AbortController();
  const { first, open } = await hold();
  const wait = (n: number) => post(`waiting-${n}`, { name: `w${n}` }, { signal: leaving.signal });
  const waiting = Promise.allSettled(Array.from({ length: 1_000 }, (_, n) => wait(n)));
  await assert.rejects(wait(1_000), { code: 'overloaded' });
  leaving.abort();
  open();
  await first;
  assert.ok((await waiting).every(({ status }) => status === 'rejected'));
  assert.equal((await post('afterwards', { name: 'afterwards' })).status, 201);
});

test('another process that has the key makes it wait no longer than it takes to say so', async () => {
  const owner = await connect(database.url, { applicationName: 'another process' });
  await post('theirs', { name: 'theirs' });
  const [{ scope }] = (await database.db.system.all(sql`
    select scope from idempotent_answers where tenant_id = ${tenant}`)) as [{ scope: Buffer }];
  await owner.query('select pg_advisory_lock($1)', [scope.readBigInt64BE(0).toString()]);
  const results = await Promise.allSettled([post('theirs', { name: 'theirs' }), post('mine', { name: 'mine' })]);
  assert.deepEqual(results.map(codeOf), ['idempotency_in_progress', 201]);
  const [{ reason }] = results as unknown as [{ reason: AppError }];
  assert.equal(reason.headers['retry-after'], '1');
  await owner.end();
});

test('tenants and actors are apart: neither waits for the other, nor is answered with its answers', async () => {
  const theirs = await database.makeTenant();
  const { first, open } = await hold();
  const other = await post('first', { name: 'other' }, { tenantId: theirs });
  assert.deepEqual([other.replayed, await written(theirs)], [false, ['other']]);
  const colleague = post('first', { name: 'colleague' }, { actor: { kind: 'api_key', id: 'k' } });
  open();
  assert.deepEqual([(await first).replayed, (await colleague).replayed], [false, false]);
  assert.deepEqual(await written(), ['colleague', 'first']);
});

test('a key is required, and must be one', async () => {
  const wish = { name: 'x' };
  await assert.rejects(post('', wish), { code: 'idempotency_key_invalid' });
  await assert.rejects(post(undefined as unknown as string, wish), { code: 'idempotency_key_required' });
});
