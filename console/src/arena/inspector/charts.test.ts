import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Turn } from '@parley/sdk';
import { growth, linePath, median, samplesOf } from './charts.ts';

test('what grows ends at what was spent, with all that was spent before the first sample', () => {
  assert.deepEqual(growth([1, 2, 3], 6), [0, 1, 3, 6]);
  assert.deepEqual(growth([1, 2], 10), [7, 8, 10]);
  assert.deepEqual(growth([5], 3), [0, 5], 'a snapshot that is older than the turns');
});

test('a line goes from the lower left to the upper right corner, and stays inside when nothing grows', () => {
  const field = { width: 100, height: 40 };
  assert.equal(linePath([7, 8, 10], field).line, 'M0.0 40.0L50.0 26.7L100.0 0.0');
  assert.equal(linePath([3, 3], field).line, 'M0.0 40.0L100.0 40.0');
  assert.equal(linePath([3], field).line, 'M100.0 40.0');
});

test('only turns that have ended are samples, with their own tokens, cost and times', () => {
  const turn = (rest: object): Turn =>
    ({
      ...{ turn: 1, participant_id: 'p', started_at: '2026-11-21T10:00:00.000Z', time_to_first_token_ms: 120 },
      ...{ usage: { input_tokens: 10, output_tokens: 5, cost_nano_usd: null }, ended_at: null, ...rest },
    }) as unknown as Turn;
  assert.deepEqual(samplesOf([turn({ ended_at: '2026-11-21T10:00:01.500Z' }), turn({})]), [
    { turn: 1, participantId: 'p', tokens: 15, nanoUsd: 0, firstMs: 120, wholeMs: 1500 },
  ]);
});

test('the middle of what was measured', () => {
  assert.deepEqual([median([]), median([4]), median([9, 1, 5]), median([1, 2, 3, 10])], [undefined, 4, 5, 2.5]);
});
