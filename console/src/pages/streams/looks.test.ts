import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Streams } from '@parley/sdk';
import { LOOKS, type Look, looked, ofGroup, ofShard, perSecond } from './looks.ts';

const report = (head: number, lag: number, epoch = 'e1'): Streams =>
  ({
    epoch,
    shards: [
      { shard: 0, head },
      { shard: 1, head: 7 },
    ],
    groups: [{ group: 'orders', lag_events: lag }],
    processes: [],
  }) as unknown as Streams;

test('the charts follow: what a shard took from look to look, how far a group was behind', () => {
  let looks: readonly Look[] = [];
  for (const [i, [head, lag]] of [
    [10, 0],
    [30, 5],
    [30, 2],
  ].entries() as IterableIterator<[number, [number, number]]>)
    looks = looked(looks, report(head, lag), i * 2_000);
  assert.deepEqual(
    [ofShard(looks, 0), ofShard(looks, 1), ofGroup(looks, 'orders')],
    [
      [20, 0],
      [0, 0],
      [0, 5, 2],
    ],
  );
  assert.equal(perSecond(looks), 5);
  assert.deepEqual(
    [ofShard(looks, 9), ofGroup(looks, 'none')],
    [
      [0, 0],
      [0, 0, 0],
    ],
  );
});

test('only the last looks are kept, and none of another epoch', () => {
  let looks: readonly Look[] = [];
  for (let i = 0; i < LOOKS + 5; i++) looks = looked(looks, report(i, 0), i);
  assert.equal(looks.length, LOOKS);
  looks = looked(looks, report(1, 0, 'e2'), 1_000);
  assert.deepEqual([looks.length, perSecond(looks), ofShard(looks, 0)], [1, 0, []]);
});
