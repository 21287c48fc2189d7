import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../telemetry/metrics.ts';
import { createCaches } from './caches.ts';
import { cacheKey } from './key.ts';

test('each cache counts by its name, in metrics and for the system page', async (t) => {
  const metrics = createMetrics();
  t.after(() => metrics.close());
  const caches = createCaches({ metrics });
  const products = caches.aside({ name: 'products', ttlMs: 60_000 });
  const others = caches.aside({ name: 'others', ttlMs: 60_000 });
  const key = cacheKey('t', 'product', '1');
  const load = async () => ({ value: '{}', version: 1 });
  await Promise.all([products.get(key, load), products.get(key, load)]);
  for (let n = 0; n < 6; n += 1) await products.get(key, load);
  const { entries, bytes, caches: told } = caches.snapshot();
  assert.equal(entries, 1);
  assert.ok(bytes > 200);
  assert.deepEqual(told, [
    { name: 'products', hits: 6, misses: 2, stale: 0, fills: 1, waits: 1, hitRatio: 0.75 },
    { name: 'others', hits: 0, misses: 0, stale: 0, fills: 0, waits: 0, hitRatio: null },
  ]);
  const text = await metrics.text();
  for (const line of [
    'cache_requests_total{cache="products",result="hit"} 6',
    'cache_requests_total{cache="products",result="miss"} 2',
    'cache_fills_total{cache="products",outcome="begun"} 1',
    'cache_waits_total{cache="products",where="here"} 1',
    'cache_entries 1',
    'cache_evictions_total 0',
  ])
    assert.ok(text.split('\n').includes(line), line);
  assert.equal(others.name, 'others');
  assert.throws(() => caches.aside({ name: 'products', ttlMs: 1 }), /two caches named products/);
});
