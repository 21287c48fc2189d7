import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentile } from './report.ts';
import { compare, counted } from './verdict.ts';

test('what came is compared with what was due', () => {
  const due = ['a', 'b', 'c', 'd'];
  const wrongs = (came: readonly string[]) =>
    Object.entries(counted(compare(due, came, { what: 'letters', missing: 'holes' }))).filter(([, count]) => count > 0);
  assert.deepEqual(wrongs(due), []);
  assert.deepEqual(wrongs(['a', 'd']), [['holes', 2]]);
  assert.deepEqual(wrongs(['a', 'b', 'b', 'c', 'a', 'd']), [['doubled', 2]]);
  assert.deepEqual(wrongs(['b', 'a', 'd', 'c']), [['out of order', 2]]);
  assert.deepEqual(wrongs(['a', 'b', 'c', 'd', 'e']), [['other', 1]]);
});

test('a fault says what, how many and which', () => {
  assert.deepEqual(compare(['a', 'b'], ['b'], { what: 'letters' }), [
    { wrong: 'lost', what: 'letters: 1 of 2 did not come, first a', count: 1 },
  ]);
});

test('of few recoveries the slowest is the 95th percentile, and it is never understated', () => {
  assert.equal(percentile([300, 20], 0.95), 300);
  assert.equal(percentile([300, 20], 0.5), 20);
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  assert.deepEqual([percentile(hundred, 0.5), percentile(hundred, 0.95), percentile(hundred, 1)], [50, 95, 100]);
  assert.equal(percentile([], 0.95), 0);
});
