import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TenantRange } from '../events/sql.ts';
import { type Behind, createCatchUp } from './catch-up.ts';
import type { LogEvent } from './hub.ts';

type Follower = Behind & { closed: boolean; readonly got: number[] };

const event = (position: number, stream: string): LogEvent => ({ position, stream, type: 'noted' }) as LogEvent;
const follower = (position: number, streams?: readonly string[]): Follower => ({
  ...{ subscription: { tenantId: 'one', ...(streams && { streams }) }, position, closed: false, got: [] },
});

/** A log of one tenant, read as the statement reads it, and those who catch up with it. */
function make(log: readonly LogEvent[], fail: (read: number) => boolean = () => false) {
  const reads: TenantRange[] = [];
  const catchUp = createCatchUp<Follower>({
    head: () => log.at(-1)?.position ?? 0,
    read: async (range) => {
      const number = reads.push(range);
      await new Promise(setImmediate);
      if (fail(number)) throw new Error('away');
      const { after, upTo, streams, limit } = range;
      return log
        .filter(({ position: p, stream }) => p > after && p <= upTo && (!streams || streams.includes(stream)))
        .slice(0, limit);
    },
    send: ({ position }, to) => {
      for (const one of to) {
        if (one.closed || position <= one.position) continue;
        one.position = position;
        one.got.push(position);
      }
    },
  });
  const head = log.at(-1)?.position ?? 0;
  const whole = async (one: Follower) => {
    while (!one.closed && one.position < head) await catchUp(one);
  };
  return { reads, catchUp, whole };
}

const missed = (log: readonly LogEvent[], from: number, streams?: readonly string[]) =>
  log
    .filter(({ position, stream }) => position > from && (!streams || streams.includes(stream)))
    .map((e) => e.position);

test('5,000 who come back at once, each with a cursor and a stream of its own, take some dozens of reads', async () => {
  const log = Array.from({ length: 1_500 }, (_, i) => event(i + 1, `s/${(i * 7) % 5_000}`));
  const { reads, whole } = make(log);
  const crowd = Array.from({ length: 5_000 }, (_, i) => ({ from: (i * 37) % 1_400, streams: [`s/${i}`] }));
  const all = crowd.map(({ from, streams }) => follower(from, streams));
  await Promise.all(all.map(whole));
  for (const [i, { from, streams }] of crowd.entries()) assert.deepEqual(all[i]?.got, missed(log, from, streams));
  assert.ok(reads.length < 150, `${reads.length} reads`);
  assert.ok(reads.every(({ streams = [] }) => streams.length <= 500));
});

test('whoever is where, everybody gets exactly what is missing, once and in order', async () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const one = fc.record({ from: fc.nat(700), streams: fc.option(fc.uniqueArray(name), { nil: undefined }) });
  await fc.assert(
    fc.asyncProperty(fc.array(name, { maxLength: 700 }), fc.array(one, { maxLength: 12 }), async (streams, crowd) => {
      const log = streams.map((stream, i) => event(i + 1, stream));
      const { whole } = make(log);
      const all = crowd.map(({ from, streams }) => follower(from, streams));
      await Promise.all(all.map(whole));
      for (const [i, { from, streams }] of crowd.entries()) assert.deepEqual(all[i]?.got, missed(log, from, streams));
    }),
    { numRuns: 60 },
  );
});

test('one that is far behind does not keep those who are near', async () => {
  const log = Array.from({ length: 20_000 }, (_, i) => event(i + 1, i % 2 ? 'old' : 'busy'));
  const { whole } = make(log);
  const ended: string[] = [];
  const far = whole(follower(0, ['old'])).then(() => ended.push('far'));
  const near = Array.from({ length: 20 }, (_, i) => whole(follower(19_900 + i, ['busy'])));
  await Promise.all(near).then(() => ended.push('near'));
  await far;
  assert.deepEqual(ended, ['near', 'far']);
});

test('a read that fails fails for one; those who were to share it try by themselves', async () => {
  const log = Array.from({ length: 10 }, (_, i) => event(i + 1, 'a'));
  // Three read at once, each alone; the fourth asks for all who have come since.
  const { whole, reads } = make(log, (read) => read === 4);
  const all = Array.from({ length: 7 }, () => follower(0, ['a']));
  const ends = await Promise.allSettled(all.map(whole));
  assert.deepEqual(
    ends.map(({ status }) => status),
    all.map((_, i) => (i === 3 ? 'rejected' : 'fulfilled')),
  );
  assert.deepEqual(
    all.map(({ got }) => got.length),
    [10, 10, 10, 0, 10, 10, 10],
  );
  assert.ok(reads.length <= 7);
});

test('one that was given enough takes the rest from another page', async () => {
  const log = Array.from({ length: 30 }, (_, i) => event(i + 1, i % 3 ? 'a' : 'b'));
  const { whole, reads } = make(log);
  const small: Follower = { ...follower(4), subscription: { tenantId: 'one', full: () => small.got.length % 4 === 0 } };
  const all = [follower(0, ['a']), follower(0), follower(0), small, follower(9)];
  await Promise.all(all.map(whole));
  assert.deepEqual(
    all.map(({ got }) => got),
    [missed(log, 0, ['a']), missed(log, 0), missed(log, 0), missed(log, 4), missed(log, 9)],
  );
  assert.ok(reads.length >= 7);
});

test('one that left is read for no more', async () => {
  const log = Array.from({ length: 10 }, (_, i) => event(i + 1, 'a'));
  const { reads, catchUp } = make(log);
  const gone = follower(0, ['a']);
  gone.closed = true;
  await catchUp(gone);
  assert.equal(reads.length, 0);
});
