import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { costReached, limitReached, neededCost, tokenBudget, turnBudget } from './limits.ts';
import { retryAfter } from './retry.ts';
import { ACTIONS, after, hasEnded, isGoing, STATUSES } from './status.ts';

const spent = { turns: 0, tokens: 0, costNanoUsd: 0, elapsedMs: 0 };
const limits = { max_turns: 3, max_tokens: 100, max_cost_usd: 0.5, max_seconds: 10, turn_timeout_seconds: 4 };

test('a limit is reached exactly at its value', () => {
  const cases: [Partial<typeof spent>, string | null][] = [
    [{}, null],
    [{ turns: 2 }, null],
    [{ turns: 3 }, 'max_turns'],
    [{ tokens: 99 }, null],
    [{ tokens: 100 }, 'max_tokens'],
    [{ costNanoUsd: 500_000_000 }, null],
    [{ elapsedMs: 9_999 }, null],
    [{ elapsedMs: 10_000 }, 'max_seconds'],
  ];
  for (const [part, expected] of cases) assert.equal(limitReached(limits, { ...spent, ...part }), expected);
});

test('a cost is reached at its nano-dollar, and what is needed is told to the nano-dollar', () => {
  assert.equal(costReached(limits, 499_999_999), false);
  assert.equal(costReached(limits, 500_000_000), true);
  assert.equal(costReached({}, 1e15), false);
  assert.equal(costReached({ max_cost_usd: 1e-12 }, 0), false, 'nothing was spent');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e14 }), fc.integer({ min: 0, max: 10_000 }), (costNanoUsd, turns) => {
      const needed = neededCost({ costNanoUsd, turns });
      assert.equal(costReached({ max_cost_usd: needed }, costNanoUsd), false, 'with it, one more turn can be had');
      const mean = Math.ceil(costNanoUsd / Math.max(1, turns));
      const nano = costNanoUsd + Math.max(1, mean);
      assert.equal(costReached({ max_cost_usd: needed }, nano - 1), false, 'and the whole mean of it');
      assert.equal(costReached({ max_cost_usd: needed }, nano), true, 'and nothing more');
    }),
  );
});

test('a turn has its own time, or what is left of the whole', () => {
  assert.deepEqual(turnBudget(limits, 0), { ms: 4_000, by: 'turn_timeout' });
  assert.deepEqual(turnBudget(limits, 7_000), { ms: 3_000, by: 'max_seconds' });
  assert.deepEqual(turnBudget(limits, 12_000), { ms: 0, by: 'max_seconds' });
  assert.deepEqual(turnBudget({ max_turns: 1, turn_timeout_seconds: 4 }, 1e9), { ms: 4_000, by: 'turn_timeout' });
});

test('a turn gets no more tokens than are left, and at least one', () => {
  assert.equal(tokenBudget(limits, 40, undefined), 60);
  assert.equal(tokenBudget(limits, 40, 20), 20);
  assert.equal(tokenBudget(limits, 400, 20), 1);
  assert.equal(tokenBudget({ max_turns: 1, turn_timeout_seconds: 1 }, 400, undefined), undefined);
});

test('only what may pass is tried again, and each failure in one layer only', () => {
  const failed = { code: 'model_unavailable', failures: 1, begun: true, askedMs: 0 };
  assert.equal(retryAfter(failed), 1_000);
  assert.equal(retryAfter({ ...failed, failures: 2 }), 2_000);
  assert.equal(retryAfter({ ...failed, failures: 3 }), null, 'three attempts');
  assert.equal(retryAfter({ ...failed, begun: false }), null, 'the models module has tried that already');
  assert.equal(retryAfter({ ...failed, code: 'overloaded', begun: false }), 1_000, 'nobody has tried that');
  assert.equal(retryAfter({ ...failed, code: 'unavailable', begun: false, failures: 3 }), null);
  assert.equal(retryAfter({ ...failed, code: 'model_rate_limited', begun: false, askedMs: 45_000 }), 45_000);
  assert.equal(retryAfter({ ...failed, code: 'model_rate_limited', begun: false, askedMs: 3_600_000 }), null);
  for (const code of ['model_authentication', 'model_context_length', 'model_content_filter', 'model_timeout', 'x']) {
    assert.equal(retryAfter({ ...failed, code }), null, code);
  }
});

test('what has ended stays ended, and everything else can be cancelled', () => {
  for (const status of STATUSES) {
    for (const action of ACTIONS) if (hasEnded(status)) assert.equal(after(status, action), null);
    if (!hasEnded(status)) assert.equal(after(status, 'cancel'), 'cancelled');
    if (isGoing(status)) assert.equal(after(status, 'pause'), 'paused');
  }
  assert.equal(after('created', 'pause'), null);
  assert.equal(after('created', 'speak'), 'running');
  assert.equal(after('created', 'complete'), 'completed', 'a fork of what had come to its end');
  assert.equal(after('paused', 'wait'), 'waiting');
});
