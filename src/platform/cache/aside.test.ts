import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { noRedis, type TestRedis, testRedis } from '../../../test/support/redis.ts';
import { type AsideCount, type AsideOptions, createAside, type Loaded } from './aside.ts';
import type { Cache } from './cache.ts';
import { memoryCache } from './cache-memory.ts';
import { redisCache } from './cache-redis.ts';
import { cacheKey } from './key.ts';

const key = cacheKey('tenant', 'product', '1');

/** A cache with a clock that is moved, and what it counted. */
function setUp(options: Partial<AsideOptions> = {}) {
  let now = 1_000_000;
  const counts: Partial<Record<AsideCount, number>> = {};
  const nowMs = () => now;
  const cache = options.cache ?? memoryCache({ nowMs });
  const aside = createAside({
    ...{ cache, name: 'products', ttlMs: 1_000, jitter: 0, graceMs: 10_000, nowMs },
    onCount: (what) => {
      counts[what] = (counts[what] ?? 0) + 1;
    },
    ...options,
  });
  const advance = (ms: number) => {
    now += ms;
  };
  return { aside, cache, counts, advance, nowMs };
}

/** A load that is let go by hand. */
function gate() {
  const { promise, resolve, reject } = Promise.withResolvers<Loaded>();
  return { load: () => promise, resolve, reject };
}
const v = (version: number): Loaded => ({ value: `v${version}`, version });
const fails = () => Promise.reject(new Error('the database is down'));

let overtaken = 0;
const anyOrder = (async () => {
  const processes = fc.integer({ min: 0, max: 2 });
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), at: processes }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('write' as const), at: processes }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(step, { minLength: 4, maxLength: 14 }), async (scheduler, steps) => {
      const store = memoryCache();
      // Every command travels, and arrives in any order.
      const travels = <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) =>
        ((...args: A) => scheduler.schedule(Promise.resolve(), name).then(() => call(...args))) as typeof call;
      const cache: Cache = {
        get: travels('get', store.get),
        put: travels('put', store.put),
        drop: travels('drop', store.drop),
        lock: async () => true,
        unlock: async () => {},
      };
      let row = 1;
      const asides = Array.from({ length: 3 }, () => createAside({ cache, name: 'x', ttlMs: 60_000 }));
      const heard = [1, 1, 1];
      const load = async (): Promise<Loaded> => {
        await scheduler.schedule(Promise.resolve(), 'select');
        const read = v(row);
        await scheduler.schedule(Promise.resolve(), 'answer');
        if (read.version < row) overtaken += 1;
        return read;
      };
      const running: Promise<unknown>[] = [];
      const get = async (at: number) => {
        const atLeast = heard[at] as number;
        const { version } = await (asides[at] as (typeof asides)[0]).get(key, load);
        assert.ok(version >= atLeast, `${version} after ${atLeast} was heard of`);
      };
      const write = () => {
        row += 1;
        const version = row;
        asides.forEach((aside, at) => {
          running.push(
            scheduler
              .schedule(Promise.resolve(), 'event')
              .then(() => aside.drop(key, version))
              .then(() => {
                heard[at] = Math.max(heard[at] as number, version);
              }),
          );
        });
      };
      for (const { do: what, at } of steps) {
        running.push(scheduler.schedule(Promise.resolve(), what).then(() => (what === 'get' ? get(at) : write())));
      }
      await scheduler.waitIdle();
      await Promise.all(running);
      const left = await store.get(key);
      assert.ok(left === undefined || left.version === row, `${left?.version} is left of ${row}`);
    }),
    { numRuns: 1_000 },
  );
})();
// Run by itself, before the test runner follows every promise: that takes five times as long.
const [inAnyOrder] = await Promise.allSettled([anyOrder]);

test('no order of loads, writes and events brings an older version back', () => {
  if (inAnyOrder.status === 'rejected') throw inAnyOrder.reason;
  assert.ok(overtaken > 300, String(overtaken));
});

test('loads once, then gives out what it has until its life is over', async () => {
  const { aside, counts, advance } = setUp();
  let version = 0;
  const load = async () => v(++version);
  const values = [];
  for (const ms of [0, 999, 1, 500]) {
    advance(ms);
    values.push((await aside.get(key, load)).value);
  }
  assert.deepEqual(values, ['v1', 'v1', 'v2', 'v2']);
  assert.deepEqual(counts, { miss: 2, fill: 2, hit: 2 });
});

test('a thousand who miss at once are one load', async () => {
  const { aside, counts } = setUp();
  const { load, resolve } = gate();
  const all = Array.from({ length: 1_000 }, () => aside.get(key, load));
  resolve(v(1));
  assert.equal(new Set((await Promise.all(all)).map(({ value }) => value)).size, 1);
  assert.equal(counts.fill, 1);
  assert.equal(counts.wait_here, 999);
});

test('a failed load is told to all who waited, and not kept', async () => {
  const { aside, counts } = setUp();
  const all = await Promise.allSettled([aside.get(key, fails), aside.get(key, fails)]);
  assert.ok(all.every(({ status }) => status === 'rejected'));
  assert.equal((await aside.get(key, async () => v(1))).value, 'v1');
  assert.deepEqual([counts.fill, counts.fill_failed], [2, 1]);
});

test('while loading fails, the stale entry is given out for its grace, and the database left in peace', async () => {
  const { aside, counts, advance } = setUp();
  await aside.get(key, async () => v(1));
  let loads = 0;
  const down = () => {
    loads += 1;
    return fails();
  };
  for (let n = 0; n < 100; n += 1) {
    advance(100);
    assert.equal((await aside.get(key, down)).value, 'v1');
  }
  // Ten seconds: one try a second, and not a hundred.
  assert.ok(loads >= 9 && loads <= 11, String(loads));
  assert.equal(counts.stale, 91);
  advance(1_000);
  await assert.rejects(aside.get(key, down), /down/);
  assert.equal((await aside.get(key, async () => v(2))).value, 'v2');
});

test('while loading hangs, one waits a moment for it, and the next not at all', async () => {
  const { aside, advance, counts } = setUp({ patienceMs: 30 });
  await aside.get(key, async () => v(1));
  advance(1_500);
  const { load, resolve } = gate();
  const since = performance.now();
  assert.equal((await aside.get(key, load)).value, 'v1');
  const waited = performance.now() - since;
  assert.ok(waited >= 25, String(waited));
  assert.equal((await aside.get(key, load)).value, 'v1');
  assert.equal(counts.fill, 2);
  resolve(v(2));
  await delay(0);
  assert.equal((await aside.get(key, load)).value, 'v2');
});

test('a load that never ends is given up, and its signal told', async () => {
  const { aside } = setUp({ loadTimeoutMs: 20 });
  let told: AbortSignal | undefined;
  const hang = (signal: AbortSignal) => {
    told = signal;
    return new Promise<Loaded>(() => {});
  };
  await assert.rejects(aside.get(key, hang), { code: 'unavailable', headers: { 'retry-after': '1' } });
  assert.equal(told?.aborted, true);
  assert.throws(() => setUp({ loadTimeoutMs: 60_000 }), RangeError);
});

test('that there is nothing is known, too, for a shorter time', async () => {
  const { aside, counts, advance } = setUp({ negativeTtlMs: 100 });
  const nothing = async () => ({ value: null, version: 0 });
  for (const ms of [0, 99, 1]) {
    advance(ms);
    assert.equal((await aside.get(key, nothing)).value, null);
  }
  assert.deepEqual(counts, { miss: 2, fill: 2, negative: 1 });
  // It is made: at once it is there.
  await aside.drop(key, 1);
  assert.equal((await aside.get(key, async () => v(1))).value, 'v1');
  const { aside: forgetful, counts: others } = setUp({ negativeTtlMs: 0 });
  for (let n = 0; n < 2; n += 1) await forgetful.get(key, nothing);
  assert.equal(others.fill, 2);
});

test('lives differ by the jitter, and by no more', async () => {
  const { cache, nowMs } = setUp();
  const aside = createAside({ cache, name: 'x', ttlMs: 1_000, jitter: 0.2, nowMs });
  const lives: number[] = [];
  for (let n = 0; n < 500; n += 1) {
    const each = cacheKey('t', 'x', String(n));
    await aside.get(each, async () => v(1));
    lives.push(((await cache.get(each))?.freshUntilMs ?? 0) - nowMs());
  }
  assert.ok(Math.min(...lives) >= 800 && Math.min(...lives) < 820, String(Math.min(...lives)));
  assert.ok(Math.max(...lives) <= 1_000 && Math.max(...lives) > 980, String(Math.max(...lives)));
});

test('a drop during a load: those who waited get what was read, who asks afterwards gets the new, and it is kept', async () => {
  const { aside, counts } = setUp();
  const [old, renewed] = [gate(), gate()];
  const before = aside.get(key, old.load);
  await delay(0);
  const since = performance.now();
  await aside.drop(key, 2);
  const afterwards = aside.get(key, renewed.load);
  await delay(0);
  renewed.resolve(v(2));
  assert.equal((await afterwards).value, 'v2');
  assert.ok(performance.now() - since < 1_000, 'waited for the outdated load');
  old.resolve(v(1));
  assert.equal((await before).value, 'v1');
  assert.equal((await aside.get(key, fails)).value, 'v2');
  assert.equal(counts.fill_outdated, 1);
});

test('a load that read the new row is kept although the drop comes later', async () => {
  const { aside, counts } = setUp();
  await aside.get(key, async () => v(2));
  await aside.drop(key, 2);
  assert.equal((await aside.get(key, fails)).value, 'v2');
  assert.equal(counts.fill, 1);
});

/**
 * Processes over one cache, a row that is written meanwhile, and events that come when they come: whatever the order,
 * nobody who asks after his process heard of a version is given an older one, and in the end nothing older is kept.
 */
let server: TestRedis;
before(async () => {
  if (!noRedis) server = await testRedis();
});
after(() => server?.close());

test('four processes on one Redis, a thousand who miss at once: few loads', { skip: noRedis }, async (t) => {
  let loads = 0;
  const load = async () => {
    loads += 1;
    await delay(50);
    return v(1);
  };
  const asides = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const redis = await server.open();
      // No deadline: this machine may be busy, and what is tested is the lock.
      return createAside({
        ...{ name: 'x', ttlMs: 60_000 },
        cache: redisCache({ redis, guard: (ask) => ask(), fallback: memoryCache() }),
      });
    }),
  );
  const all = asides.flatMap((aside) => Array.from({ length: 250 }, () => aside.get(key, load)));
  assert.ok((await Promise.all(all)).every(({ value }) => value === 'v1'));
  t.diagnostic(`${loads} loads`);
  assert.ok(loads <= 2, String(loads));
});

test('a process that died with the lock holds the others up for no longer than its life', {
  skip: noRedis,
}, async () => {
  const redis = await server.open();
  const cache = redisCache({ redis, guard: (ask) => ask(), fallback: memoryCache() });
  const aside = createAside({ cache, name: 'x', ttlMs: 60_000 });
  const dead = cacheKey('t', 'x', 'dead');
  await cache.lock(dead, 'of the dead', 100);
  const since = performance.now();
  assert.equal((await aside.get(dead, async () => v(1))).value, 'v1');
  assert.ok(performance.now() - since < 2_000);
});
