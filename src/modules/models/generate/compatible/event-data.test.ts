import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventData, MalformedAnswer } from './event-data.ts';

const all = (pieces: readonly string[]) => {
  const events = new EventData();
  return pieces.flatMap((piece) => events.take(piece));
};

const TABLE: [string, string, string[]][] = [
  ['one event', 'data: {"a":1}\n\n', ['{"a":1}']],
  ['without the space', 'data:x\n\n', ['x']],
  ['only one space is taken off', 'data:  x\n\n', [' x']],
  ['other fields and comments', ': busy\nevent: a\nid: 1\nretry: 5\ndata: x\n\n', ['x']],
  ['several lines are one event', 'data: a\ndata: b\n\n', ['a\nb']],
  ['line ends of any kind', 'data: a\r\n\r\ndata: b\r\rdata: c\n\n', ['a', 'b', 'c']],
  ['a mark at the beginning', '\uFEFFdata: a\n\ndata: \uFEFFb\n\n', ['a', '\uFEFFb']],
  ['empty lines are no events', '\n\n\ndata: a\n\n\n\n', ['a']],
  ['what does not end is none', 'data: a\n\ndata: b\n', ['a']],
];
for (const [name, text, expected] of TABLE) test(name, () => assert.deepEqual(all([text]), expected));

test('a text may be cut anywhere', () => {
  const line = fc.constantFrom('data: x', 'data:', 'data: ü\u2028', ': note', 'event: y', '', '', '\uFEFF', 'data');
  const end = fc.constantFrom('\n', '\r\n', '\r');
  const text = fc.array(fc.tuple(line, end), { maxLength: 12 }).map((lines) => lines.flat().join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat(60), { maxLength: 8 }), (whole, cuts) => {
      const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
      const pieces = at.slice(1).map((to, i) => whole.slice(at[i], to));
      // A CR at the very end waits for what may follow it.
      assert.deepEqual(all([...pieces, ': end']), all([whole, ': end']));
    }),
  );
});

test('an event that does not end is refused, in one line or in many', () => {
  const events = new EventData();
  const half = 'x'.repeat(600_000);
  events.take(`data: ${half}`);
  assert.throws(() => events.take(half), MalformedAnswer);
  assert.throws(() => all(Array.from({ length: 200 }, () => `data: ${'x'.repeat(10_000)}\n`)), MalformedAnswer);
  // Many that do end are no matter.
  assert.equal(all(Array.from({ length: 200 }, () => `data: ${'x'.repeat(10_000)}\n\n`)).length, 200);
});
