import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { cacheConformance } from './cache.conformance.ts';
import { memoryCache } from './cache-memory.ts';
import { cacheKey } from './key.ts';

const movable = () => {
  let now = Date.now();
  return {
    nowMs: () => now,
    advance: (ms: number) => {
      now += ms;
    },
  };
};

cacheConformance('in process', async () => {
  const { nowMs, advance } = movable();
  return { cache: memoryCache({ nowMs }), advance, nowMs };
});

const key = (n: number) => cacheKey('t', 'thing', String(n));
const entry = (value: string) => ({ value, version: 1, freshUntilMs: Infinity, keepUntilMs: Infinity });

test('is bounded in bytes, and what was used longest ago goes first', async () => {
  let evicted = 0;
  const cache = memoryCache({ maxBytes: 100_000, onEvict: () => (evicted += 1) });
  for (let n = 0; n < 1_000; n += 1) {
    await cache.put(key(n), entry('x'.repeat(800)));
    assert.equal((await cache.get(key(0)))?.value?.length, 800);
    assert.ok((cache.usage?.().bytes ?? Infinity) <= 100_000);
  }
  const { entries = 0, bytes = 0 } = cache.usage?.() ?? {};
  assert.ok(entries >= 90 && entries < 100, String(entries));
  assert.ok(bytes > 95_000, String(bytes));
  assert.equal(evicted, 1_000 - entries);
  assert.equal(await cache.get(key(1)), undefined);
  assert.equal((await cache.get(key(999)))?.version, 1);
});

test('tombstones count, too; what is replaced or over is given back; what is too large is not kept', async () => {
  const { nowMs, advance } = movable();
  const cache = memoryCache({ maxBytes: 10_000, nowMs });
  for (let n = 0; n < 1_000; n += 1) await cache.drop(key(n), n);
  assert.ok((cache.usage?.().bytes ?? Infinity) <= 10_000);
  advance(61_000);
  for (let n = 0; n < 1_000; n += 1) await cache.get(key(n));
  assert.deepEqual(cache.usage?.(), { entries: 0, bytes: 0 });
  for (let n = 0; n < 1_000; n += 1) await cache.put(key(1), entry('y'));
  assert.equal(cache.usage?.().entries, 1);
  assert.equal(await cache.put(key(1), entry('z'.repeat(2_000))), false);
});

test('what it says it takes is what it takes', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const cache = memoryCache({ maxBytes: 32 * 1024 * 1024 });
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 100_000; n += 1)
    await cache.put(key(n), entry(Buffer.alloc(500, 97 + (n % 26)).toString('latin1')));
  gc();
  const taken = process.memoryUsage().heapUsed - before;
  const said = cache.usage?.().bytes ?? 0;
  assert.ok(taken < said * 1.15 && taken > said * 0.6, `${taken} for ${said}`);
});

test('keys: the tenant, the resource and each part are told apart', () => {
  const keys = [
    ...[cacheKey('t', 'a', 'b'), cacheKey('t', 'a', 'b', ''), cacheKey('t', 'ab'), cacheKey('t', 'a', ':1:b')],
    ...[cacheKey('t:1', 'a', 'b'), cacheKey('t', '1:a:1', 'b'), cacheKey('t', 'a', '1', 'b'), cacheKey('u', 'a', 'b')],
    ...[cacheKey('', 't', 'a', 'b'), cacheKey('t', '', 'a', 'b'), cacheKey('t', 'a', '1:b'), cacheKey('t', 'a:1:b')],
  ];
  assert.equal(new Set(keys).size, keys.length);
});
