import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answer, NAMES, participantOf, speech } from '../../../../../test/support/policies.ts';
import { calledIn, readAnswer } from './names.ts';

const those = ['ada', 'Ada Lovelace', 'Critic', 'José', 'f-g', '李', 'x@y'].map((name, at) => participantOf(name, at));
const nameOf = (id: string) => those.find((p) => p.id === id)?.name;
const called = (text: string, self: string | null = null) => calledIn(text, those, self).map(nameOf);

const CALLS: [string, string[]][] = [
  ['', []],
  ['Nobody is called, ada.', []],
  ['@ada', ['ada']],
  ['What do you say, @ADA?', ['ada']],
  ['(@critic) and @ada!', ['Critic', 'ada']],
  ['@Ada Lovelace, please', ['Ada Lovelace']],
  ['@ada  LOVELACE', ['Ada Lovelace']],
  ['@ada\nLovelace', ['Ada Lovelace']],
  ['@ada lovelaces', ['ada']],
  ["@ada's turn", ['ada']],
  ['@adam is nobody here', []],
  ['@ada-lovelace is a name of its own', []],
  ['@ada - please', ['ada']],
  ['@ada_1', []],
  ['bob@ada.com', []],
  ['@@ada', ['ada']],
  ['**@Critic**', ['Critic']],
  ['@José', ['José']],
  ['@Jos\u0065\u0301', ['José']],
  ['@Jose', []],
  ['@f-g: go on', ['f-g']],
  ['@李，请', ['李']],
  ['@x@y', ['x@y']],
  ['＠ada', []],
  ['@a\u200Bda', []],
  ['@ada @Critic @ada', ['ada', 'Critic']],
  ['@\u202Eada', []],
];
for (const [text, expected] of CALLS) {
  test(`${JSON.stringify(text)} calls ${expected.join(', ') || 'nobody'}`, () =>
    assert.deepEqual(called(text), expected));
}

test('nobody calls himself', () => {
  assert.deepEqual(called('@ada and @Critic', participantOf('ada', 0).id), ['Critic']);
});

test('whatever is said, only participants are called, each once, and soon', () => {
  fc.assert(
    fc.property(fc.oneof(speech, fc.string({ unit: 'binary', maxLength: 2_000 })), (text) => {
      const ids = calledIn(text, those, null);
      assert.equal(new Set(ids).size, ids.length);
      for (const id of ids) assert.ok(nameOf(id));
    }),
  );
  const many = NAMES.map((name, at) => participantOf(name.repeat(5), at));
  for (const text of ['@'.repeat(65_536), '@ada '.repeat(13_000), `@${'a'.repeat(65_000)}`, ' '.repeat(65_536)]) {
    const began = performance.now();
    calledIn(text, many, null);
    // A guard against quadratic work: the real thing takes 10 to 40 ms.
    assert.ok(performance.now() - began < 2_000, text.slice(0, 10));
  }
});

test('an answer names one of the participants, or is refused, whatever it is', () => {
  fc.assert(
    fc.property(answer, (given) => {
      const read = readAnswer(given, those);
      if (typeof read === 'string') assert.match(read, /^(names_nobody|names_several|failed)$/);
      else assert.ok(those.includes(read));
    }),
  );
});
