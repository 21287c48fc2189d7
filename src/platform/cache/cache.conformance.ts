import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cache, Entry } from './cache.ts';
import { cacheKey } from './key.ts';

export type CacheSetup = {
  readonly cache: Cache;
  /** Lets time pass for the cache. */
  advance(ms: number): void | Promise<void>;
  readonly nowMs: () => number;
};

const TENANT = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c22';

/** What every adapter of `Cache` must do. */
export function cacheConformance(
  name: string,
  make: () => Promise<CacheSetup>,
  options: { skip?: string | false } = {},
) {
  let keys = 0;
  const fresh = () => cacheKey(TENANT, 'thing', String(++keys));
  const check = (what: string, run: (setup: CacheSetup) => Promise<void>) =>
    test(`${name}: ${what}`, { skip: options.skip ?? false }, async () => run(await make()));
  const entry = ({ nowMs }: CacheSetup, of: Partial<Entry> = {}): Entry => ({
    ...{ value: '{"a":1}', version: 1 },
    ...{ freshUntilMs: nowMs() + 10_000, keepUntilMs: nowMs() + 20_000 },
    ...of,
  });

  check('gives back what was put, whatever is in it', async (setup) => {
    const { cache } = setup;
    const key = fresh();
    assert.equal(await cache.get(key), undefined);
    for (const value of ['{"a":"ä💬\\u0000"}', '', '|', null, 'x'.repeat(100_000)]) {
      const put = entry(setup, { value });
      assert.equal(await cache.put(key, put), true);
      const { value: got, version, freshUntilMs, keepUntilMs } = (await cache.get(key)) ?? {};
      assert.deepEqual({ value: got, version, freshUntilMs, keepUntilMs }, put);
    }
    assert.equal(await cache.get(fresh()), undefined);
  });

  check('tells an entry that was prolonged', async (setup) => {
    const key = fresh();
    await setup.cache.put(key, entry(setup, { stale: true }));
    assert.equal((await setup.cache.get(key))?.stale, true);
    await setup.cache.put(key, entry(setup));
    assert.ok(!(await setup.cache.get(key))?.stale);
  });

  check('keeps an entry until its time is over, fresh or not', async (setup) => {
    const { cache, advance, nowMs } = setup;
    const key = fresh();
    await cache.put(key, entry(setup, { freshUntilMs: nowMs() + 100, keepUntilMs: nowMs() + 60_000 }));
    await advance(30_000);
    assert.equal((await cache.get(key))?.value, '{"a":1}');
    await advance(40_000);
    assert.equal(await cache.get(key), undefined);
  });

  check('never lets an older version replace a newer one', async (setup) => {
    const { cache } = setup;
    const key = fresh();
    const versionNow = async () => (await cache.get(key))?.version;
    assert.equal(await cache.put(key, entry(setup, { version: 5 })), true);
    assert.equal(await cache.put(key, entry(setup, { version: 4, value: 'old' })), false);
    assert.equal(await versionNow(), 5);
    assert.equal(await cache.put(key, entry(setup, { version: 5, value: 'same' })), true);
    assert.equal(await cache.put(key, entry(setup, { version: 2 ** 52 })), true);
    assert.equal(await cache.put(key, entry(setup, { version: 2 ** 52 - 1 })), false);
    assert.equal(await versionNow(), 2 ** 52);
  });

  check('a drop takes what is older away, and keeps it away', async (setup) => {
    const { cache } = setup;
    const key = fresh();
    await cache.put(key, entry(setup, { version: 1 }));
    await cache.drop(key, 2);
    assert.equal(await cache.get(key), undefined);
    assert.equal(await cache.put(key, entry(setup, { version: 1 })), false);
    assert.equal(await cache.get(key), undefined);
    assert.equal(await cache.put(key, entry(setup, { version: 2 })), true);
    assert.equal((await cache.get(key))?.version, 2);
  });

  check('a drop that comes late leaves what is newer, or of its own version', async (setup) => {
    const { cache } = setup;
    const key = fresh();
    await cache.put(key, entry(setup, { version: 3 }));
    await cache.drop(key, 3);
    await cache.drop(key, 2);
    assert.equal((await cache.get(key))?.version, 3);
    const dropped = fresh();
    await cache.drop(dropped, 7);
    await cache.drop(dropped, 6);
    assert.equal(await cache.put(dropped, entry(setup, { version: 6 })), false);
  });

  check('a drop of what is not there keeps an older filler out, for a minute', async (setup) => {
    const { cache, advance } = setup;
    const key = fresh();
    await cache.drop(key, 1);
    await advance(50_000);
    assert.equal(await cache.put(key, entry(setup, { version: 0, value: null })), false);
    await advance(20_000);
    assert.equal(await cache.put(key, entry(setup, { version: 0, value: null })), true);
  });

  check('a lock is held by one, until it is given back or its time is over', async (setup) => {
    const { cache, advance } = setup;
    const key = fresh();
    const taken = await Promise.all(Array.from({ length: 20 }, (_, n) => cache.lock(key, `t${n}`, 2_000)));
    assert.equal(taken.filter(Boolean).length, 1);
    const holder = `t${taken.indexOf(true)}`;
    await cache.unlock(key, 'somebody');
    assert.equal(await cache.lock(key, 'next', 2_000), false);
    await cache.unlock(key, holder);
    assert.equal(await cache.lock(key, 'next', 2_000), true);
    assert.equal(await cache.lock(fresh(), 'other', 2_000), true);
    await advance(3_000);
    assert.equal(await cache.lock(key, 'later', 2_000), true);
    // The token of a lock that ran out does not open its successor's.
    await cache.unlock(key, 'next');
    assert.equal(await cache.lock(key, 'last', 2_000), false);
  });
}
