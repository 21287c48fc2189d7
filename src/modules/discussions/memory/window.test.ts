import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clip } from '../../agents/index.ts';
import type { Memory } from './schemas.ts';
import {
  clipLevel,
  DEFAULT_MEMORY,
  isBehind,
  MAX_LAG,
  memoryFor,
  saidChars,
  strideOf,
  summaryGoal,
  windowFrom,
} from './window.ts';

const window = fc.integer({ min: 1, max: 500 });
const memory = fc.record({ window, summary: fc.boolean(), retrieval: fc.constant(0) });
/** A log, and how far it has been summarised. */
const progress = fc
  .tuple(fc.integer({ min: 0, max: 2_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([lastSeq, part]) => ({ lastSeq, summarised: Math.floor(lastSeq * part) }));

test('an agent’s own memory goes before the discussion’s, and that before what is usual', () => {
  assert.deepEqual(memoryFor({ window: 3 }, undefined), { ...DEFAULT_MEMORY, window: 3 });
  assert.deepEqual(memoryFor({ window: 3, summary: true }, { memory: { window: 9, summary: false } }), {
    ...{ window: 9, summary: false, retrieval: 0 },
  });
});

test('every message is in the summary or in the window, except while the summary lags by more than the bound', () => {
  fc.assert(
    fc.property(memory, progress, (own, at) => {
      const from = windowFrom(own, at);
      assert.ok(from >= 1 && from <= at.lastSeq + 1);
      assert.ok(at.lastSeq - from + 1 >= Math.min(own.window, at.lastSeq), 'never less than the window');
      if (!own.summary) return assert.equal(from, Math.max(1, at.lastSeq - own.window + 1));
      const between = Math.max(0, from - 1 - at.summarised);
      const lag = at.lastSeq - own.window - at.summarised;
      if (lag <= MAX_LAG) assert.equal(between, 0);
      else assert.equal(between, lag - MAX_LAG);
      assert.ok(at.lastSeq - from + 1 <= own.window + MAX_LAG, 'and never more than the bound');
    }),
  );
});

test('a summary that reached its goal leaves nothing in between, for whoever wants it', () => {
  fc.assert(
    fc.property(
      fc.array(memory, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 0, max: 2_000 }),
      (all, lastSeq) => {
        const summarised = summaryGoal(all, lastSeq);
        for (const own of all.filter(({ summary }) => summary)) {
          assert.equal(isBehind(own, { lastSeq, summarised }), false);
          assert.ok(windowFrom(own, { lastSeq, summarised }) - 1 <= summarised);
          assert.equal(windowFrom(own, { lastSeq, summarised }), Math.max(1, lastSeq - own.window + 1), 'no wider');
        }
        if (!all.some(({ summary }) => summary)) assert.equal(summarised, 0);
      },
    ),
  );
});

test('whoever falls behind asks for it, long before the window reaches its bound', () => {
  fc.assert(
    fc.property(window, progress, (size, at) => {
      const own: Memory = { window: size, summary: true, retrieval: 0 };
      const wider = at.lastSeq - windowFrom(own, at) + 1 - size;
      assert.equal(isBehind(own, at), at.lastSeq - size - at.summarised >= strideOf(size));
      if (!isBehind(own, at)) assert.ok(wider < strideOf(size));
      assert.ok(strideOf(size) * 5 <= MAX_LAG);
    }),
  );
});

test('long texts are cut to one length, so that together they keep the budget; short ones stay whole', () => {
  const texts = fc.array(fc.string({ maxLength: 200 }), { maxLength: 30 });
  fc.assert(
    fc.property(texts, fc.integer({ min: 0, max: 3_000 }), (said, budget) => {
      const lengths = said.map(({ length }) => length);
      const level = clipLevel(lengths, budget);
      const kept = said.map((text) => (level === null ? text : clip(text, level)));
      const sum = kept.reduce((all, text) => all + text.length, 0);
      if (level === null) assert.ok(sum <= budget);
      else {
        assert.ok(sum <= budget && lengths.some((length) => length > level));
        assert.ok(sum > budget - 2 * said.length - level || level === 0, 'and use it');
      }
    }),
  );
});

test('what is read of the messages of a window is bounded, whatever it is and however long they are', () => {
  assert.deepEqual([1, 40, 41, 400, 700].map(saidChars), [100_000, 100_000, 97_560, 10_000, 10_000]);
});
