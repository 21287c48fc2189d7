import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anchorAt, offsetsOf, type Row, rowAt, spanOf, topOf } from './window.ts';

const HEIGHT = 100;
const rows = (from: number, count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({ key: from + i, estimate: HEIGHT }));

test('of 10,000 rows those that are seen are drawn, and the rest is empty space of the same height', () => {
  const offsets = offsetsOf(rows(1, 10_000), new Map());
  const span = spanOf(offsets, { top: 500_000, height: 800, margin: 900 });
  assert(span.to - span.from < 40, `${span.to - span.from} rows`);
  fc.assert(
    fc.property(fc.nat(1_100_000), fc.integer({ min: 1, max: 2_000 }), (top, height) => {
      const { from, to, before, after } = spanOf(offsets, { top, height, margin: 900 });
      assert.equal(before + (to - from) * HEIGHT + after, 1_000_000);
      const [first, last] = [Math.min(top, 999_999), Math.min(top + height, 999_999)];
      assert(before <= first && 1_000_000 - after >= last, 'all that is seen is drawn');
    }),
  );
  assert.deepEqual(spanOf(offsetsOf([], new Map()), { top: 0, height: 800, margin: 0 }), {
    ...{ from: 0, to: 0, before: 0, after: 0 },
  });
});

test('the reading place is kept when a page comes before it and heights become known', () => {
  fc.assert(
    fc.property(
      fc.nat(5_999),
      fc.nat(40),
      fc.dictionary(fc.integer({ min: 1, max: 100 }).map(String), fc.integer({ min: 10, max: 900 })),
      (top, added, known) => {
        const before = rows(41, 60);
        const anchor = anchorAt(before, offsetsOf(before, new Map()), top);
        assert(anchor);
        const now = rows(41 - added, 60 + added);
        const heights = new Map(Object.entries(known).map(([key, height]) => [Number(key), height]));
        const offsets = offsetsOf(now, heights);
        const place = topOf(anchor, now, offsets) ?? -1;
        assert.equal(place - (offsets[anchor.key - 41 + added] ?? 0), anchor.into, 'as far into the same message');
      },
    ),
  );
  assert.equal(
    topOf({ key: 7, into: 0 }, rows(1, 3), offsetsOf(rows(1, 3), new Map())),
    undefined,
    'a row that is gone',
  );
});

test('the row of a place is the last that begins at or before it', () => {
  const offsets = offsetsOf(rows(1, 3), new Map([[2, 50]]));
  assert.deepEqual([...offsets], [0, 100, 150, 250]);
  assert.deepEqual(
    [-5, 0, 99, 100, 149, 150, 9_000].map((place) => rowAt(offsets, place)),
    [0, 0, 0, 1, 1, 2, 2],
  );
});
