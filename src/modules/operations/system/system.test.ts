import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';
import { uuidv7 } from '../../../lib/ids.ts';
import { openDb } from '../../../platform/db/open.ts';
import { systemCtx } from '../../../platform/system-ctx.ts';
import { systemView } from './service.ts';

let world: World;
let owner: Member;
before(async () => {
  world = await createWorld({ redis: false });
  owner = await world.signUp();
});
after(() => world.stop());

const enter = (tenantId: string, kind: string, more: { inSeconds?: number; failures?: number } = {}) =>
  world.db.system.run(sql`
    insert into jobs (tenant_id, id, kind, key, payload, run_at, failures)
    values (${tenantId}, ${uuidv7()}, ${kind}, ${uuidv7()}, '{}'::jsonb,
            now() + ${more.inSeconds ?? 0} * interval '1 second', ${more.failures ?? 0})`);

test('tells of the build, the database, the log, and the jobs of this tenant alone', async () => {
  const other = await world.signUp();
  await enter(owner.tenantId, 'nobody_handles_this');
  await enter(owner.tenantId, 'nobody_handles_this', { inSeconds: 3600, failures: 2 });
  await enter(other.tenantId, 'of_somebody_else');
  const { status, body } = await owner.get('/system');
  assert.equal(status, 200);
  assert.equal(body.build.node, process.version);
  assert.equal(body.build.profile, 'testing');
  assert.match(body.build.version, /^\d+\.\d+\.\d+/);
  assert.equal(body.database.status, 'connected');
  assert.match(body.database.version, /^\d+/);
  assert.deepEqual(body.roles, ['api', 'worker']);
  assert.equal(body.redis.status, 'disabled');
  assert.deepEqual(
    body.processes.map(({ pid, roles, self, breakers }: Record<string, unknown>) => ({ pid, roles, self, breakers })),
    [{ pid: process.pid, roles: ['api', 'worker'], self: true, breakers: body.breakers }],
  );
  for (const { hit_ratio } of body.caches.items) assert.ok(hit_ratio === null || hit_ratio <= 1);
  assert.deepEqual(
    body.jobs.map(({ oldest_at, next_run_at, ...counts }: { oldest_at: string; next_run_at: string }) => counts),
    [{ kind: 'nobody_handles_this', running: 0, due: 1, scheduled: 1, retrying: 1 }],
  );
  assert.ok(Date.parse(body.jobs[0].next_run_at) <= Date.parse(body.jobs[0].oldest_at) + 1000);
  assert.ok(body.uptime_seconds >= 0 && body.log.retention_days > 0);
  await world.db.system.run(sql`delete from jobs where kind in ('nobody_handles_this', 'of_somebody_else')`);
});

test('its log grows with what happens, and open streams of the tenant are counted', async () => {
  const { body: before } = await owner.get('/system');
  await owner.post('/agents', { name: 'counted', instructions: 'x' });
  await world.settle();
  const leave = new AbortController();
  const stream = await owner.open('GET', '/events/stream', undefined, { signal: leave.signal });
  await (stream.body as ReadableStream<Uint8Array>).getReader().read();
  const { body: now } = await owner.get('/system');
  assert.ok(now.log.position > before.log.position);
  assert.equal(now.connections, before.connections + 1);
  assert.equal((await (await world.signUp()).get('/system')).body.connections, 0);
  leave.abort();
});

test('dead letters are counted for who may read them', async () => {
  const { key } = await world.apiKey(owner, ['viewer']);
  const { status, body } = await world.as(key).get('/system');
  assert.deepEqual([status, body.dead_letters], [200, null], JSON.stringify(body));
  assert.equal((await owner.get('/system')).body.dead_letters, 0);
});

test('answers also while the database is away, and says so', async () => {
  const db = openDb({ url: 'postgresql://somebody@127.0.0.1:1/parley', writeOutbox: async () => {} });
  const { hub, clock } = world.app;
  const facts = { name: 'Parley', version: '1.0.0', profile: 'testing' as const, roles: [] };
  const view = systemView({
    ...{ db, hub, clock, facts: { ...facts, packagedDatabase: true, logRetentionDays: 7 }, processId: '' },
    reliability: { snapshot: () => ({ breakers: [], bulkheads: [], budgets: [] }) },
    caches: { snapshot: () => ({ entries: 0, bytes: 0, caches: [] }) },
  });
  const ctx = systemCtx({
    tenantId: owner.tenantId,
    id: 'test',
    requestId: 'test',
    signal: AbortSignal.timeout(10_000),
  });
  const told = await view(ctx);
  assert.deepEqual(
    [told.database.status, told.database.version, told.jobs, told.dead_letters, told.processes],
    ['disconnected', null, null, null, null],
  );
  await db.close();
});
