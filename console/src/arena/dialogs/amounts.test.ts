import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { suggested, upwards } from './amounts.ts';

const amount = fc.double({ min: 1e-9, max: 1e4, noNaN: true });

test('what a turn needs is told in two figures, never less than it is and hardly more', () => {
  assert.deepEqual([0.000762417, 0.1, 1, 12.01, 0].map(upwards), [0.00077, 0.1, 1, 13, 0]);
  fc.assert(
    fc.property(amount, (needed) => {
      const told = upwards(needed);
      assert(told >= needed * (1 - 1e-9) && told <= needed * 1.1 + 1e-12, `${needed} as ${told}`);
    }),
  );
});

test('the limit that is suggested suffices, and doubles what there was', () => {
  assert.equal(suggested(0.00077, 0.0006), 0.0015);
  fc.assert(
    fc.property(amount, amount, (least, limit) => {
      const offered = suggested(least, limit);
      assert(offered >= least && offered >= limit * 2 * (1 - 1e-2), `${offered} for ${least} and ${limit}`);
    }),
  );
});
