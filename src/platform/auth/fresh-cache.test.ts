import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFreshCache } from './fresh-cache.ts';

function make(options: { size?: number; maxAgeMs?: number } = {}) {
  const state = { fresh: true, nowMs: 0 };
  const cache = createFreshCache<string>({ fresh: () => state.fresh, nowMs: () => state.nowMs, ...options });
  return { state, cache };
}

test('a value is loaded once, and again after it was dropped', async () => {
  const { cache } = make();
  let loads = 0;
  const load = async () => `value ${++loads}`;
  assert.equal(await cache.get('a', load), 'value 1');
  assert.equal(await cache.get('a', load), 'value 1');
  cache.drop('a');
  assert.equal(await cache.get('a', load), 'value 2');
  cache.dropWhere((value) => value === 'value 2');
  assert.equal(cache.peek('a'), undefined);
});

test('while the feed is old every look-up misses', async () => {
  const { cache, state } = make();
  await cache.get('a', async () => 'old');
  state.fresh = false;
  assert.equal(cache.peek('a'), undefined);
  assert.equal(await cache.get('a', async () => 'new'), 'new');
});

test('nothing is kept longer than the maximum age', async () => {
  const { cache, state } = make({ maxAgeMs: 1_000 });
  await cache.get('a', async () => 'value');
  state.nowMs = 999;
  assert.equal(cache.peek('a'), 'value');
  state.nowMs = 1_000;
  assert.equal(cache.peek('a'), undefined);
});

test('undefined and failures are not kept', async () => {
  const { cache } = make();
  assert.equal(await cache.get('a', async () => undefined), undefined);
  await assert.rejects(
    cache.get('a', async () => {
      throw new Error('no');
    }),
  );
  assert.equal(await cache.get('a', async () => 'value'), 'value');
});

test('those who ask at once share a load', async () => {
  const { cache } = make();
  let loads = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  const load = () => {
    loads += 1;
    return promise;
  };
  const both = Promise.all([cache.get('a', load), cache.get('a', load)]);
  resolve('value');
  assert.deepEqual(await both, ['value', 'value']);
  assert.equal(loads, 1);
});

test('while the feed is old those who ask at once share a load, but none that began before they asked', async () => {
  const { cache, state } = make();
  state.fresh = false;
  const begun: PromiseWithResolvers<string>[] = [];
  const load = () => {
    const one = Promise.withResolvers<string>();
    begun.push(one);
    return one.promise;
  };
  const first = cache.get('a', load);
  const meanwhile = [cache.get('a', load), cache.get('a', load), cache.get('a', load)];
  assert.equal(begun.length, 1);
  begun[0]?.reject(new Error('away'));
  await assert.rejects(first, /away/);
  await new Promise(setImmediate);
  assert.equal(begun.length, 2);
  begun[1]?.resolve('value');
  assert.deepEqual(await Promise.all(meanwhile), ['value', 'value', 'value']);
});

for (const way of ['drop', 'dropWhere'] as const) {
  test(`what was read before a change is not kept after it (${way})`, async () => {
    const { cache } = make();
    const before = Promise.withResolvers<string>();
    const slow = cache.get('a', () => before.promise);
    if (way === 'drop') cache.drop('a');
    else cache.dropWhere(() => false);
    // Who asks after the change does not join the load that began before it.
    assert.equal(await cache.get('a', async () => 'after'), 'after');
    before.resolve('before');
    assert.equal(await slow, 'before');
    assert.equal(cache.peek('a'), 'after');
  });
}

test('the oldest makes room when the cache is full', async () => {
  const { cache } = make({ size: 2 });
  for (const key of ['a', 'b', 'c']) await cache.get(key, async () => key);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => cache.peek(key)),
    [undefined, 'b', 'c'],
  );
});
