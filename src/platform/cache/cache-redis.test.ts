import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../test/support/log.ts';
import { noRedis, ownRedis, type TestRedis, testRedis } from '../../../test/support/redis.ts';
import type { Redis } from '../redis/redis.ts';
import { createBreaker } from '../reliability/breaker.ts';
import { createGuard, type Guard } from '../reliability/guard.ts';
import { cacheConformance } from './cache.conformance.ts';
import type { Cache, Entry } from './cache.ts';
import { memoryCache } from './cache-memory.ts';
import { redisCache } from './cache-redis.ts';
import { type CacheKey, cacheKey } from './key.ts';

let server: TestRedis;
before(async () => {
  if (!noRedis) server = await testRedis();
});
after(() => server?.close());
const only = { skip: noRedis };

/** No test is about a Redis that is only slow, as it is on a busy machine. */
const PATIENT_MS = 5_000;

/** A process's cache. Its breaker opens at the first failures, and for a moment. */
function cacheOn(redis: Redis, nowMs = Date.now, deadlineMs = PATIENT_MS): Cache {
  const breaker = createBreaker({ name: 'redis', openMs: 50, maxOpenMs: 50, minCalls: 3 });
  return redisCache({
    redis,
    guard: createGuard({ breaker, deadlineMs, restMs: 20 }),
    fallback: memoryCache({ nowMs }),
    nowMs,
  });
}

/** Lets time pass for what is in Redis: everything under the prefix has that much less to live. */
async function age({ commands }: Redis, prefix: string, ms: number): Promise<void> {
  for (const key of await commands.keys(`${prefix}:*`)) {
    const left = (await commands.pttl(key)) - ms;
    if (left > 0) await commands.pexpire(key, left);
    else await commands.del(key);
  }
}

cacheConformance(
  'Redis',
  async () => {
    const redis = await server.open();
    let passed = 0;
    const nowMs = () => Date.now() + passed;
    const still = nowMs();
    return {
      // The clock stands but for `advance`, so that times come back as they were put.
      ...{ cache: cacheOn(redis, () => still + passed), nowMs: () => still + passed },
      async advance(ms) {
        passed += ms;
        await age(redis, server.prefix, ms);
      },
    };
  },
  only,
);

const entry = (version: number, value: string | null = `v${version}`): Entry => ({
  ...{ value, version },
  ...{ freshUntilMs: Date.now() + 60_000, keepUntilMs: Date.now() + 120_000 },
});
const key = (name: string): CacheKey => cacheKey('t', 'thing', name);
const versionIn = async (cache: Cache, of: CacheKey) => (await cache.get(of))?.version;

test('processes share what is put, dropped and locked', only, async () => {
  const [one, two] = [cacheOn(await server.open()), cacheOn(await server.open())];
  const k = key('shared');
  await one.put(k, entry(1));
  assert.equal(await versionIn(two, k), 1);
  await two.drop(k, 2);
  assert.equal(await versionIn(one, k), undefined);
  assert.equal(await one.put(k, entry(1)), false);
  assert.equal(await one.lock(k, 'one', 1_000), true);
  assert.equal(await two.lock(k, 'two', 1_000), false);
});

test('what outlived its time because Redis was held up is not given out', only, async () => {
  const redis = await server.open();
  const cache = cacheOn(redis, () => Date.now());
  const late = cacheOn(redis, () => Date.now() + 121_000);
  await cache.put(key('held up'), entry(1));
  assert.equal(await versionIn(cache, key('held up')), 1);
  assert.equal(await versionIn(late, key('held up')), undefined);
});

/** A Redis of one's own that can hang, and two processes on it, which wait for it briefly as long as it does. */
async function two(t: { after(fn: () => Promise<void>): void }) {
  const own = await ownRedis();
  t.after(() => own.close());
  let hangs = false;
  const open = async (): Promise<Cache> => {
    const redis = await own.open();
    const breaker = createBreaker({ name: 'redis', openMs: 50, maxOpenMs: 50, minCalls: 3 });
    const [brief, patient] = [40, PATIENT_MS].map((deadlineMs) => createGuard({ breaker, deadlineMs, restMs: 20 }));
    const guard: Guard = (ask) => ((hangs ? brief : patient) as Guard)(ask);
    return redisCache({ redis, guard, fallback: memoryCache(), nowMs: Date.now });
  };
  const hang = (on: boolean) => {
    hangs = on;
    process.kill(own.pid, on ? 'SIGSTOP' : 'SIGCONT');
  };
  return { own, hang, a: await open(), b: await open() };
}

test('a flushed Redis forgets entries, scripts and tombstones, and no old filler stays', only, async (t) => {
  const { own, a, b } = await two(t);
  const redis = await own.open();
  const k = key('flushed');
  await a.put(k, entry(1));
  await a.drop(k, 2);
  await redis.commands.flushall();
  await redis.commands.script('FLUSH');
  // An old filler comes through, until its process hears of the change, as every process does.
  assert.equal(await b.put(k, entry(1)), true);
  await b.drop(k, 2);
  assert.equal(await versionIn(a, k), undefined);
  assert.equal(await a.put(k, entry(2)), true);
  assert.equal(await versionIn(b, k), 2);
});

test('without Redis a process keeps its own, and nothing stale is given out when it is back', only, async (t) => {
  const { hang, a, b } = await two(t);
  const [k, other] = [key('away'), key('other')];
  for (const each of [k, other]) await a.put(each, entry(1));
  hang(true);
  // Hangs: the first few wait for the deadline, later ones not at all.
  for (let n = 0; n < 5; n += 1) assert.equal(await versionIn(a, k), undefined);
  assert.equal(await a.put(k, entry(1)), true);
  assert.equal(await versionIn(a, k), 1);
  assert.equal(await versionIn(b, k), undefined);
  for (const cache of [a, b]) await cache.drop(k, 2);
  assert.equal(await versionIn(a, k), undefined);
  assert.equal(await a.put(k, entry(1)), false);
  assert.equal(await a.lock(k, 'x', 1_000), true);
  assert.equal(await a.lock(k, 'y', 1_000), false);
  hang(false);
  // Back: the drop that it has not heard of is told before anything is read.
  await until(async () => (await versionIn(a, other)) === 1);
  await until(async () => (await versionIn(b, other)) === 1);
  assert.equal(await versionIn(a, k), undefined);
  assert.equal(await b.put(k, entry(1)), false);
  await until(async () => (await b.put(k, entry(2))) && (await versionIn(a, k)) === 2);
});

test(
  'what a process has read in Redis it goes on to give out while Redis hangs, until it hears of a change',
  only,
  async (t) => {
    const { hang, a, b } = await two(t);
    const k = key('read');
    await a.put(k, entry(1));
    assert.equal(await versionIn(b, k), 1);
    hang(true);
    assert.equal(await versionIn(b, k), 1);
    await b.drop(k, 2);
    assert.equal(await versionIn(b, k), undefined);
    hang(false);
  },
);

test('a Redis that hangs costs less than 50 ms a call, and then nothing', only, async (t) => {
  const { hang, a } = await two(t);
  await a.put(key('slow'), entry(1));
  hang(true);
  const costs: number[] = [];
  for (let n = 0; n < 8; n += 1) {
    const since = performance.now();
    await a.get(key('slow'));
    costs.push(performance.now() - since);
  }
  hang(false);
  t.diagnostic(costs.map((ms) => ms.toFixed(1)).join(' '));
  assert.ok(Math.min(...costs) < 20, costs.join(' '));
});

test('with more drops than can be remembered, Redis is emptied before it is read again', only, async (t) => {
  const { own, hang, a } = await two(t);
  const redis = await own.open();
  const names = Array.from({ length: 3_000 }, (_, n) => key(String(n)));
  await Promise.all(names.map((each) => a.put(each, entry(1))));
  await redis.commands.set(redis.key('not-a-cache'), 'stays');
  hang(true);
  for (let n = 0; n < 10_001; n += 1) await a.drop(key(`n${n}`), 2);
  // Dropped, and not among those that are remembered one by one.
  await a.drop(key('7'), 2);
  hang(false);
  await until(async () => {
    assert.equal(await versionIn(a, key('7')), undefined);
    return (await redis.commands.keys(`${redis.key('cache')}:*`)).length === 0;
  });
  assert.equal(await redis.commands.get(redis.key('not-a-cache')), 'stays');
  await until(async () => {
    await a.put(key('8'), entry(3));
    return (await redis.commands.exists(redis.key('cache', key('8')))) === 1;
  });
});

test('whoever asks is answered, alone, behind others, or among many', only, async (t) => {
  const { own, a, b } = await two(t);
  const redis = await own.open();
  const names = Array.from({ length: 250 }, (_, n) => key(`many ${n}`));
  await Promise.all(names.map((each, n) => a.put(each, entry(n + 1))));
  const questions = async () =>
    Number(/cmdstat_mget:calls=(\d+)/.exec(await redis.commands.info('commandstats'))?.[1] ?? 0);
  const asked = (from: number, to: number) => names.slice(from, to).map((each) => versionIn(b, each));
  const reading = [...asked(0, 1), ...asked(1, 3)];
  for (let n = 3; n < 10; n += 1) {
    await new Promise(setImmediate);
    reading.push(...asked(n, n + 1));
  }
  await new Promise(setImmediate);
  reading.push(...asked(10, 250));
  assert.deepEqual(
    await Promise.all(reading),
    names.map((_, n) => n + 1),
  );
  const before = await questions();
  await Promise.all(asked(0, 10));
  assert.equal((await questions()) - before, 1);
});
