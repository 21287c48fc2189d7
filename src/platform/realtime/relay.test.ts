import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { uuidv7 } from '../../lib/ids.ts';
import { shardOf } from '../events/shards.ts';
import type { Passing, PassingListener } from '../events/tail.ts';
import { createMemoryTail } from '../events/tail-memory.ts';
import { createRelay } from './relay.ts';

const tenantId = uuidv7();
const shard = shardOf(tenantId);

/** A relay whose tail and feed are moved by hand. */
function stage() {
  const listeners: PassingListener[] = [];
  const passed: Passing[] = [];
  const feed = { at: 0, looks: 0 };
  const relay = createRelay({
    tail: {
      ...createMemoryTail(),
      pass: (_shard, frame) => void passed.push(frame),
      hear: (of, listener) => {
        if (of === shard) listeners.push(listener);
        return () => void listeners.splice(0);
      },
    },
    feed: { head: () => feed.at, caughtUp: async () => void feed.looks++ },
  });
  const received: unknown[] = [];
  relay.start(({ data }) => void received.push(data));
  const hear = (data: string, after: number) =>
    listeners[0]?.([{ tenantId, stream: 'discussions/x', event: 'message_delta', after, data }]);
  return { relay, feed, passed, received, hear };
}

test('a frame carries the position that its sender had reached', () => {
  const { relay, feed, passed } = stage();
  feed.at = 7;
  relay.pass({ tenantId, stream: 'discussions/x', event: 'message_delta', data: 1 });
  assert.deepEqual(
    passed.map(({ after }) => after),
    [7],
  );
  relay.stop();
});

test('it is held where that position was not reached yet, and the log is looked at; what follows it does not overtake', () => {
  const { relay, feed, received, hear } = stage();
  feed.at = 5;
  hear('a', 5);
  hear('b', 7);
  hear('c', 6);
  assert.deepEqual([received, feed.looks], [['a'], 1]);
  relay.reached(shard, 6);
  assert.deepEqual(received, ['a']);
  relay.reached(shard, 7);
  assert.deepEqual(received, ['a', 'b', 'c']);
  feed.at = 7;
  hear('d', 7);
  assert.deepEqual(received.at(-1), 'd');
  relay.stop();
});

test('it is held for half a second, not for ever, and never more than a bounded number', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { relay, received, hear } = stage();
  hear('late', 9);
  mock.timers.tick(499);
  assert.deepEqual(received, []);
  mock.timers.tick(1);
  assert.deepEqual(received, ['late']);
  for (let n = 0; n < 5_010; n++) hear(`${n}`, 9);
  assert.equal(received.length, 11);
  relay.stop();
  mock.timers.tick(1_000);
  assert.equal(received.length, 11);
  mock.timers.reset();
});
