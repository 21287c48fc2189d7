import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { until } from '../../../test/support/log.ts';
import { noRedis, type OwnRedis, ownRedis, testRedis } from '../../../test/support/redis.ts';
import { silentLog } from '../telemetry/log.ts';
import { eventAt, tailConformance } from './tail.conformance.ts';
import type { Passing, Tail } from './tail.ts';
import { createRedisTail } from './tail-redis.ts';

const open = async (redis: Awaited<ReturnType<typeof testRedis>>) =>
  createRedisTail({ redis: await redis.open(), log: silentLog });

/** One process's end to publish at, another's to follow at. */
async function openApart(redis: Awaited<ReturnType<typeof testRedis>>): Promise<Tail> {
  const [here, there] = [await open(redis), await open(redis)];
  const close = async () => void (await Promise.all([here.close(), there.close()]));
  there.follow(0, () => {});
  await until(() => there.alive()).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    ...{ publish: here.publish.bind(here), pass: here.pass.bind(here) },
    ...{ follow: there.follow.bind(there), hear: there.hear.bind(there), alive: there.alive.bind(there) },
    close,
  };
}

if (noRedis) test('a tail on Redis', { skip: noRedis }, () => {});
else {
  tailConformance('redis, one process', async () => {
    const redis = await testRedis();
    return { open: () => open(redis), close: redis.close };
  });
  tailConformance('redis, two processes', async () => {
    const redis = await testRedis();
    return { open: () => openApart(redis), close: redis.close };
  });
}

let server: OwnRedis;
before(async () => {
  if (!noRedis) server = await ownRedis();
});
after(() => server?.close());

/** A reader that is in its place, and what it was given. */
async function reader() {
  const tail = await open(server);
  const seen: (number | string)[] = [];
  tail.follow(0, (events) => void seen.push(...events.map(({ position }) => position)));
  tail.hear(0, (frames) => void seen.push(...frames.map(({ data }) => data as string)));
  await until(() => tail.alive());
  return { tail, seen };
}

const words = (data: string, after = 0): Passing => ({
  ...{ tenantId: 't', stream: 'discussions/x', event: 'message_delta', after, data },
});

test('what is live only keeps its place among the events, and is not heard by who passed it', {
  skip: noRedis,
}, async () => {
  const [writer, { tail, seen }] = [await reader(), await reader()];
  writer.tail.publish(0, [eventAt(1)]);
  writer.tail.pass(0, words('a'));
  writer.tail.pass(0, words('b'));
  writer.tail.publish(0, [eventAt(2), eventAt(3)]);
  await until(() => seen.length === 5);
  assert.deepEqual(seen, [1, 'a', 'b', 2, 3]);
  assert.deepEqual(writer.seen, [1, 2, 3]);
  await Promise.all([writer.tail.close(), tail.close()]);
});

test('a stream is kept short', { skip: noRedis }, async () => {
  const { tail } = await reader();
  const redis = await server.open();
  for (let n = 1; n <= 2000; n++) {
    tail.publish(1, [eventAt(n)]);
    // An entry a turn of the event loop.
    await setImmediate();
  }
  const length = () => redis.commands.xlen(redis.key('tail', 1));
  await until(async () => (await length()) >= 1000);
  assert.ok((await length()) < 1300);
  await tail.close();
});

test('FLUSHALL costs what was on its way, and nothing that comes after', { skip: noRedis }, async () => {
  const [writer, { tail, seen }] = [await reader(), await reader()];
  writer.tail.publish(0, [eventAt(1)]);
  await until(() => seen.includes(1));
  const redis = await server.open();
  await redis.commands.flushall();
  writer.tail.publish(0, [eventAt(2)]);
  await until(() => seen.includes(2));
  assert.deepEqual(seen, [1, 2]);
  await Promise.all([writer.tail.close(), tail.close()]);
});

test('another server in its place, with an older clock and nothing in it, is followed', { skip: noRedis }, async () => {
  const first = await ownRedis();
  const [mine, theirs] = [await first.open(), await first.open()];
  const [writer, tail] = [
    createRedisTail({ redis: mine, log: silentLog }),
    createRedisTail({ redis: theirs, log: silentLog }),
  ];
  const seen: number[] = [];
  tail.follow(0, (events) => void seen.push(...events.map(({ position }) => position)));
  await until(() => tail.alive());
  // Ids of a clock that is an hour ahead.
  await mine.commands.xadd(
    mine.key('tail', 0),
    `${Date.now() + 3_600_000}-0`,
    'o',
    'x',
    'e',
    JSON.stringify([eventAt(1)]),
  );
  await until(() => seen.length === 1);
  await first.kill();
  await until(() => !tail.alive());
  writer.publish(0, [eventAt(2)]);
  const again = await ownRedis({ port: first.port });
  await until(() => mine.state() === 'connected' && tail.alive());
  writer.publish(0, [eventAt(3)]);
  await until(() => seen.length === 2);
  assert.deepEqual(seen, [1, 3], 'what was published meanwhile is lost here; the log has it');
  await Promise.all([writer.close(), tail.close()]);
  await first.close();
  await again.close();
});

test('what nobody can read is passed over', { skip: noRedis }, async () => {
  const { tail, seen } = await reader();
  const redis = await server.open();
  await redis.commands.xadd(redis.key('tail', 0), '*', 'o', 'x', 'e', '{');
  await redis.commands.xadd(redis.key('tail', 0), '*', 'o', 'x', 'e', JSON.stringify([eventAt(9)]));
  await until(() => seen.includes(9));
  await tail.close();
});
