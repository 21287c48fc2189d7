import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_TRACED, narrower, traced } from './rules.ts';

test('the smaller of what was asked for and what the times say', () => {
  assert.deepEqual(narrower({}, undefined), { fromPosition: 1, toPosition: Number.MAX_SAFE_INTEGER });
  assert.deepEqual(narrower({ fromPosition: 5, toPosition: 50 }, { first: 9, last: 40 }), {
    ...{ fromPosition: 9, toPosition: 40 },
  });
  assert.deepEqual(narrower({ fromPosition: 15, toPosition: 30 }, { first: 9, last: 40 }), {
    ...{ fromPosition: 15, toPosition: 30 },
  });
});

test('pages look through everything for a trace, each place once, so many at most', () => {
  const place = fc.integer({ min: 1, max: 5 * MAX_TRACED });
  fc.assert(
    fc.property(place, place, place, (a, b, head) => {
      const asked = { fromPosition: Math.min(a, b), toPosition: Math.max(a, b) };
      let before: number | undefined = head + 1;
      let looked = 0;
      while (before !== undefined) {
        const { fromPosition, toPosition, lookedTo }: ReturnType<typeof traced> = traced(asked, before);
        const places: number = Math.min(before - 1, toPosition) - fromPosition + 1;
        assert.ok(places <= MAX_TRACED);
        looked += Math.max(0, places);
        before = lookedTo;
      }
      assert.equal(looked, Math.max(0, Math.min(head, asked.toPosition) - asked.fromPosition + 1));
    }),
  );
});
