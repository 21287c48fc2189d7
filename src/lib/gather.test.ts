import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { createGather } from './gather.ts';

const done = <R>(value: R): PromiseSettledResult<R> => ({ status: 'fulfilled', value });
const full = () => new Error('full');

/** Rounds that end when they are told to. */
function workshop({ limit = 3, maxWaiting = 100, maxWaitMs = 60_000 } = {}) {
  const rounds: { items: readonly string[]; end: PromiseWithResolvers<readonly PromiseSettledResult<string>[]> }[] = [];
  const gather = createGather<string, string>({
    ...{ limit, maxWaiting, maxWaitMs, full },
    work: (items) => {
      const end = Promise.withResolvers<readonly PromiseSettledResult<string>[]>();
      rounds.push({ items, end });
      return end.promise;
    },
  });
  const end = async (round: number) => {
    const { items, end } = rounds[round] as (typeof rounds)[number];
    end.resolve(items.map((item) => done(`${item}!`)));
    await turn();
    await turn();
  };
  return { gather, rounds, end };
}

test('the first goes at once, with what came in the same breath; the others share the next rounds', async () => {
  const { gather, rounds, end } = workshop();
  const answers = [gather('k', 'a'), gather('k', 'b')];
  await turn();
  assert.deepEqual(
    rounds.map(({ items }) => items),
    [['a', 'b']],
  );
  for (const item of ['c', 'd', 'e', 'f']) answers.push(gather('k', item));
  await turn();
  assert.equal(rounds.length, 1, 'one round of a key at a time');
  await end(0);
  assert.deepEqual(rounds[1]?.items, ['c', 'd', 'e']);
  await end(1);
  assert.deepEqual(rounds[2]?.items, ['f']);
  await end(2);
  assert.deepEqual(await Promise.all(answers), ['a!', 'b!', 'c!', 'd!', 'e!', 'f!']);
});

test('keys do not wait for one another', async () => {
  const { gather, rounds } = workshop();
  gather('mine', 'a');
  await turn();
  gather('theirs', 'b');
  await turn();
  assert.deepEqual(
    rounds.map(({ items }) => items),
    [['a'], ['b']],
  );
});

test('each has its own outcome, and a round that fails as a whole fails for its own only', async () => {
  const { gather, rounds, end } = workshop({ limit: 2 });
  const [a, b, c] = ['a', 'b', 'c'].map((item) => gather('k', item));
  await turn();
  rounds[0]?.end.resolve([done('A'), { status: 'rejected', reason: new Error('not b') }]);
  assert.equal(await a, 'A');
  await assert.rejects(b as Promise<string>, /not b/);
  await turn();
  rounds[1]?.end.reject(new Error('lost'));
  await assert.rejects(c as Promise<string>, /lost/);
  const d = gather('k', 'd');
  await turn();
  await turn();
  await end(2);
  assert.equal(await d, 'd!', 'and the next one is not kept from its turn');
});

test('more than may wait are refused, and there is room again afterwards', async () => {
  const { gather, end } = workshop({ limit: 2, maxWaiting: 2 });
  const first = gather('k', 'a');
  await turn();
  const waiting = [gather('k', 'b'), gather('k', 'c')];
  await assert.rejects(gather('k', 'd'), /full/);
  await end(0);
  const again = gather('k', 'e');
  await end(1);
  await end(2);
  assert.deepEqual(await Promise.all([first, ...waiting, again]), ['a!', 'b!', 'c!', 'e!']);
});

test('who waited too long for a round that does not end is refused; who is in it is not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { gather, rounds, end } = workshop({ limit: 1, maxWaitMs: 5_000 });
  const under = gather('k', 'a');
  await turn();
  const late = gather('k', 'b');
  t.mock.timers.tick(3_000);
  const later = gather('k', 'c');
  t.mock.timers.tick(2_000);
  await assert.rejects(late, /full/);
  await end(0);
  assert.equal(await under, 'a!');
  assert.deepEqual(rounds[1]?.items, ['c']);
  t.mock.timers.tick(60_000);
  await end(1);
  assert.equal(await later, 'c!');
});

test('whatever comes whenever: each is worked on once, in order within its key, and never beside another of it', async () => {
  const arrivals = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), pauses: fc.nat(3) }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 5 }), async (all, limit) => {
      const under = new Set<string>();
      const seen = new Map<string, number[]>();
      const gather = createGather<{ key: string; n: number }, number>({
        ...{ limit, maxWaiting: 100, maxWaitMs: 60_000, full },
        work: async (items) => {
          const { key } = items[0] as { key: string };
          assert.ok(items.length <= limit && items.every((item) => item.key === key) && !under.has(key));
          under.add(key);
          for (let n = 0; n < items.length; n += 1) await turn();
          under.delete(key);
          seen.set(key, [...(seen.get(key) ?? []), ...items.map(({ n }) => n)]);
          return items.map(({ n }) => done(n));
        },
      });
      const answers: Promise<number>[] = [];
      for (const [n, { key, pauses }] of all.entries()) {
        for (let i = 0; i < pauses; i += 1) await turn();
        answers.push(gather(key, { key, n }));
      }
      assert.deepEqual(await Promise.all(answers), [...all.keys()]);
      for (const order of seen.values())
        assert.deepEqual(
          order,
          [...order].sort((a, b) => a - b),
        );
    }),
    { numRuns: 100 },
  );
});
