import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chaos } from './chaos.ts';

test('five kills of the server and its database: nothing lost, doubled or out of order, and all complete', {
  timeout: 600_000,
}, async () => {
  const outcome = await chaos({
    seed: 7,
    kills: 5,
    discussions: 16,
    turns: 8,
    gapMs: 40,
    calmMs: 1_500,
    deadlineMs: 400_000,
  });
  assert.deepEqual(outcome.faults, []);
  assert.equal(outcome.killed.server + outcome.killed.database, 5);
  assert.ok(outcome.killed.server > 0 && outcome.killed.database > 0);
  assert.ok(outcome.discussions >= 16 && outcome.acknowledged > 0);
});
