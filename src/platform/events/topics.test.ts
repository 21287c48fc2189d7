import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { note, noted, type TestLog, testLog, until } from '../../../test/support/log.ts';
import { noRedis, type OwnRedis, ownRedis } from '../../../test/support/redis.ts';
import type { Redis } from '../redis/redis.ts';
import { silentLog } from '../telemetry/log.ts';
import type { LogEvent } from './define.ts';
import { createEventTypes } from './registry.ts';
import { createTopics } from './topics.ts';

const only = { skip: noRedis };
let log: TestLog;
let server: OwnRedis;
let redis: Redis;
let tenantId: string;
before(async () => {
  if (noRedis) return;
  [log, server] = await Promise.all([testLog(), ownRedis()]);
  redis = await server.open();
});
beforeEach(async () => {
  if (!noRedis) tenantId = await log.makeTenant();
});
after(async () => {
  await log?.close();
  await server?.close();
});

const topic = () => redis.publicKey('topics', 'discussions');

/** A worker that brings the log to the topics. */
async function worker() {
  const process = await log.process();
  const types = createEventTypes();
  types.register([noted]);
  const { leases, feed } = process;
  const topics = createTopics({ db: log.db, redis: await server.open(), leases, feed, types, log: silentLog });
  await topics.start();
  const stop = async () => {
    await topics.stop(1000);
    await process.stop();
  };
  return { ...process, topics, stop };
}

const write = async (from: number, to: number) => {
  for (let n = from; n <= to; n++)
    await log.db.inTx(log.ctx(tenantId), async (tx) => void note(tx, 'discussions/t', n));
};

/** What an outside consumer has read of this tenant, as `n`. */
async function entries(): Promise<{ n: number; id: string; type: string }[]> {
  const all = await redis.commands.xrange(topic(), '-', '+');
  return all
    .map(([, fields]) => Object.fromEntries(fields.flatMap((f, i) => (i % 2 ? [] : [[f, fields[i + 1] ?? '']]))))
    .filter(({ tenant }) => tenant === tenantId)
    .map(({ id = '', type = '', event = '' }) => ({
      id,
      type,
      n: (JSON.parse(event) as LogEvent<{ n: number }>).data.n,
    }));
}

test('events are in the stream of their topic, in order, for groups of others', only, async () => {
  const one = await worker();
  await write(1, 5);
  await until(async () => (await entries()).length === 5);
  const read = await entries();
  assert.deepEqual(
    read.map(({ n, type }) => `${type} ${n}`),
    [1, 2, 3, 4, 5].map((n) => `noted ${n}`),
  );
  assert.equal(new Set(read.map(({ id }) => id)).size, 5);
  await redis.commands.xgroup('CREATE', topic(), 'billing', '0');
  const [[, mine] = []] = (await redis.commands.xreadgroup(
    ...(['GROUP', 'billing', 'one', 'COUNT', 100, 'STREAMS', topic(), '>'] as const),
  )) as [string, unknown[]][];
  assert.ok((mine?.length ?? 0) >= 5);
  await one.stop();
});

test('of two workers one writes; when it stops, the other goes on behind it', only, async () => {
  const [one, two] = [await worker(), await worker()];
  await write(1, 3);
  await until(async () => (await entries()).length === 3);
  await one.stop();
  await write(4, 6);
  await until(async () => (await entries()).length === 6);
  assert.deepEqual(
    (await entries()).map(({ n }) => n),
    [1, 2, 3, 4, 5, 6],
  );
  await two.stop();
});

test('while Redis is away nothing is lost; emptied, it is filled from there on', only, async () => {
  const first = await ownRedis();
  const apart = await first.open();
  const process = await log.process();
  const types = createEventTypes();
  types.register([noted]);
  const { leases, feed } = process;
  const topics = createTopics({ db: log.db, redis: apart, leases, feed, types, log: silentLog });
  await topics.start();
  const mine = apart.publicKey('topics', 'discussions');
  await write(1, 1);
  await until(async () => (await apart.commands.xlen(mine)) > 0);
  await first.kill();
  await until(() => apart.state() === 'disconnected');
  await write(2, 3);
  const again = await ownRedis({ port: first.port });
  await until(async () => (await apart.commands.xlen(mine).catch(() => 0)) === 2);
  await apart.commands.flushall();
  await write(4, 4);
  await until(async () => (await apart.commands.xlen(mine)) === 1);
  await topics.stop(1000);
  await process.stop();
  await first.close();
  await again.close();
});

test('whoever was replaced writes nothing more', only, async () => {
  const one = await worker();
  await write(1, 1);
  await until(async () => (await entries()).length === 1);
  for (let shard = 0; shard < 8; shard++) await redis.commands.set(redis.key('topics', shard), '999999');
  await write(2, 2);
  await one.feed.caughtUp();
  await one.topics.idle();
  assert.equal((await entries()).length, 1);
  await one.stop();
});
