import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limiter } from './limiter.ts';

/** What every adapter of `Limiter` must do. `advance` moves the clock it counts by. */
export function limiterConformance(
  name: string,
  make: () => Promise<{ limiter: Limiter; advance(seconds: number): void | Promise<void> }>,
  options: { skip?: string | false } = {},
): void {
  const limit = { tokens: 4, windowSeconds: 8 };

  test(`${name}: allows as many as there are tokens, then says when the next one is there`, options, async () => {
    const { limiter } = await make();
    const verdicts = [];
    for (let n = 0; n < 5; n += 1) verdicts.push(await limiter.take('k', limit));
    assert.deepEqual(
      verdicts.map(({ allowed }) => allowed),
      [true, true, true, true, false],
    );
    assert.deepEqual(
      verdicts.map(({ remaining }) => remaining),
      [3, 2, 1, 0, 0],
    );
    const refused = verdicts[4];
    assert.ok(refused && refused.resetSeconds > 0 && refused.resetSeconds <= 8);
    assert.equal(refused.limit, 4);
  });

  test(`${name}: refills evenly, and never over the limit`, options, async () => {
    const { limiter, advance } = await make();
    await limiter.take('k', limit, 4);
    await advance(2);
    assert.equal((await limiter.take('k', limit)).allowed, true);
    assert.equal((await limiter.take('k', limit)).allowed, false);
    await advance(1_000);
    assert.equal((await limiter.take('k', limit, 4)).allowed, true);
    assert.equal((await limiter.take('k', limit)).allowed, false);
  });

  test(`${name}: a refusal costs nothing, and keys do not share`, options, async () => {
    const { limiter } = await make();
    assert.equal((await limiter.take('k', limit, 5)).allowed, false);
    assert.equal((await limiter.take('k', limit, 4)).allowed, true);
    assert.equal((await limiter.take('other', limit, 4)).allowed, true);
  });

  test(`${name}: of many at once exactly as many pass as there are tokens`, options, async () => {
    const { limiter } = await make();
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => limiter.take('k', limit)));
    assert.equal(verdicts.filter(({ allowed }) => allowed).length, 4);
  });
}
