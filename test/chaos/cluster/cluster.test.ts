import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noRedis } from '../../support/redis.ts';
import { clusterChaos } from './cluster.ts';

test('two api and two workers, whatever breaks between them: nothing lost, doubled or out of order', {
  skip: noRedis,
  timeout: 900_000,
}, async () => {
  const outcome = await clusterChaos({
    seed: 7,
    kills: 5,
    untilOrdered: false,
    steps: ['command: committed, not answered', 'sequencer: moved, not passed on', 'job: claimed, not begun'],
    poison: false,
    processes: 2,
    tenants: 2,
    shop: { buyers: 1, crowds: 3, rounds: 40, pauseMs: 300, crowdPauseMs: 200 },
    discussions: 4,
    turns: 4,
    gapMs: 30,
    calmMs: 200,
    stepMs: 20_000,
    sabotageMs: 90_000,
    deadlineMs: 500_000,
  });
  assert.deepEqual(outcome.faults, []);
  assert.deepEqual(outcome.missed, []);
  assert.ok(outcome.discussions >= 4 && outcome.orders > 0 && outcome.acknowledged > 0 && outcome.events > 0);
  assert.ok(outcome.rounds >= 40, 'so many orders were sent by sixteen clients at once');
  assert.ok(outcome.delivered > 0, 'webhooks were received');
  assert.ok(outcome.requeued > 0, 'something was put aside, and handled again');
  assert.ok(outcome.naive.lost > 0, 'a relay that reads above the last number loses events under this load');
});
