import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../test/support/log.ts';
import { noRedis, ownRedis, type TestRedis, testRedis } from '../../../test/support/redis.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Redis } from '../redis/redis.ts';
import { createBreaker } from './breaker.ts';
import { createGuard, type Guard } from './guard.ts';
import { limiterConformance } from './limiter.conformance.ts';
import type { Limiter } from './limiter.ts';
import { memoryLimiter } from './limiter-memory.ts';
import { redisLimiter } from './limiter-redis.ts';

let server: TestRedis;
before(async () => {
  if (!noRedis) server = await testRedis();
});
after(() => server?.close());
const only = { skip: noRedis };

/** As long as Redis hangs it is waited for briefly; no test is about one that is only slow, as on a busy machine. */
function limiterOn(redis: Redis, counted: string[] = [], hangs: () => boolean = () => false): Limiter {
  const breaker = createBreaker({ name: 'redis', openMs: 50, maxOpenMs: 50, minCalls: 3 });
  const guardOf = (deadlineMs: number): Guard => createGuard({ breaker, deadlineMs, restMs: 20 });
  const [brief, patient] = [guardOf(40), guardOf(5_000)];
  return redisLimiter({
    ...{ redis, guard: (ask) => (hangs() ? brief(ask) : patient(ask)), fallback: memoryLimiter(systemClock) },
    onVerdict: (by) => counted.push(by),
  });
}

/** Moves a bucket's last use into the past: Redis' own clock cannot be moved. */
async function age({ commands }: Redis, prefix: string, seconds: number): Promise<void> {
  for (const key of await commands.keys(`${prefix}:*`)) {
    const [tokens, at] = ((await commands.get(key)) ?? '').split(' ');
    if (at !== undefined) await commands.set(key, `${tokens} ${Number(at) - seconds * 1e6}`, 'PX', 60_000);
  }
}

limiterConformance(
  'Redis',
  async () => {
    const redis = await server.open();
    for (const key of await redis.commands.keys(`${server.prefix}:*`)) await redis.commands.del(key);
    return { limiter: limiterOn(redis), advance: (seconds) => age(redis, server.prefix, seconds) };
  },
  only,
);

test('processes count together, exactly', only, async () => {
  const limiters = await Promise.all(Array.from({ length: 4 }, async () => limiterOn(await server.open())));
  const limit = { tokens: 1_000, windowSeconds: 3_600 };
  const takes = limiters.flatMap((limiter) => Array.from({ length: 500 }, () => limiter.take('together', limit)));
  const allowed = (await Promise.all(takes)).filter((verdict) => verdict.allowed).length;
  assert.equal(allowed, 1_000);
});

test('those of one turn are one question, and are told as if they came one by one', only, async () => {
  const redis = await server.open();
  let asked = 0;
  const guard: Guard = (ask) => {
    asked += 1;
    return ask();
  };
  const limiter = redisLimiter({ redis, guard, fallback: memoryLimiter(systemClock) });
  const limit = { tokens: 5, windowSeconds: 3_600 };
  const verdicts = await Promise.all(Array.from({ length: 7 }, () => limiter.take('turn', limit)));
  assert.equal(asked, 1);
  assert.deepEqual(
    verdicts.map(({ allowed, remaining }) => `${allowed} ${remaining}`),
    ['true 4', 'true 3', 'true 2', 'true 1', 'true 0', 'false 0', 'false 0'],
  );
  const resets = verdicts.map(({ resetSeconds }) => Math.round(resetSeconds));
  assert.deepEqual(resets, [720, 1_440, 2_160, 2_880, 3_600, 720, 720]);
  const mixed = await Promise.all([
    ...[limiter.take('turn', limit, -2), limiter.take('turn', limit, 2), limiter.take('turn', limit)],
    limiter.take('turn', { tokens: 50, windowSeconds: 3_600 }),
  ]);
  assert.equal(asked, 5);
  assert.deepEqual(
    mixed.slice(0, 3).map(({ allowed }) => allowed),
    [true, true, false],
  );
});

test(
  'who asks often spends tokens that were taken in advance, and all processes together never more than the limit',
  only,
  async () => {
    const [one, other] = [limiterOn(await server.open()), limiterOn(await server.open())];
    const limit = { tokens: 2_000, windowSeconds: 36_000 };
    const spendAll = async (limiter: Limiter, requests: number) => {
      const got = { atOnce: 0, asked: 0, refused: 0 };
      for (let n = 0; n < requests; n += 1) {
        if (limiter.spend('often', limit)) got.atOnce += 1;
        else if ((await limiter.take('often', limit)).allowed) got.asked += 1;
        else got.refused += 1;
      }
      return got;
    };
    const first = await spendAll(one, 200);
    assert.ok(first.atOnce > 150 && first.refused === 0, JSON.stringify(first));
    const [a, b] = await Promise.all([spendAll(one, 1_000), spendAll(other, 1_000)]);
    const allowed = 200 + a.atOnce + a.asked + b.atOnce + b.asked;
    // What is leased to one and not spent, the other misses: a hundredth of a bucket each.
    assert.ok(allowed <= 2_000 && allowed >= 1_960, String(allowed));
    assert.ok(a.refused + b.refused >= 200);
  },
);

test('a small limit is never taken in advance', only, async () => {
  const limiter = limiterOn(await server.open());
  const limit = { tokens: 60, windowSeconds: 36_000 };
  let allowed = 0;
  for (let n = 0; n < 80; n += 1) {
    assert.equal(limiter.spend('small', limit), false);
    if ((await limiter.take('small', limit)).allowed) allowed += 1;
  }
  assert.equal(allowed, 60);
});

test('a bucket is forgotten once it is full, and what is given back fills it no further', only, async () => {
  const redis = await server.open();
  const limiter = limiterOn(redis);
  const limit = { tokens: 10, windowSeconds: 100 };
  await limiter.take('short', limit);
  const left = await redis.commands.pttl(redis.key('limit', 'short'));
  assert.ok(left > 5_000 && left <= 10_001, String(left));
  assert.equal((await limiter.take('short', limit, -1)).remaining, 10);
  assert.equal((await limiter.take('short', limit, -1)).remaining, 10);
  assert.equal(await redis.commands.exists(redis.key('limit', 'short')), 0);
});

test('without Redis it counts here, and with it there again', only, async (t) => {
  const own = await ownRedis();
  t.after(() => own.close());
  const redis = await own.open();
  const counted: string[] = [];
  let hangs = false;
  const limiter = limiterOn(redis, counted, () => hangs);
  const limit = { tokens: 3, windowSeconds: 3_600 };
  const take = async () => (await limiter.take('k', limit)).allowed;
  assert.equal(await take(), true);
  hangs = true;
  process.kill(own.pid, 'SIGSTOP');
  const costs: number[] = [];
  const verdicts: boolean[] = [];
  for (let n = 0; n < 5; n += 1) {
    const since = performance.now();
    verdicts.push(await take());
    costs.push(performance.now() - since);
  }
  // The process' own bucket was full.
  assert.deepEqual(verdicts, [true, true, true, false, false]);
  assert.ok(Math.min(...costs) < 20, costs.join(' '));
  hangs = false;
  process.kill(own.pid, 'SIGCONT');
  await until(async () => {
    await limiter.take('other', { tokens: 1e9, windowSeconds: 1 });
    return counted.at(-1) === 'redis';
  });
  await own.kill();
  await until(() => redis.state() === 'disconnected');
  assert.equal(await take(), false);
  assert.equal(counted.at(-1), 'process');
  const again = await ownRedis({ port: own.port });
  t.after(() => again.close());
  await until(() => redis.state() === 'connected');
  await until(async () => (await take()) && counted.at(-1) === 'redis');
});
