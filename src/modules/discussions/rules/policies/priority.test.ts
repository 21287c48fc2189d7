import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { participantOf, play, settle } from '../../../../../test/support/policies.ts';
import { settlePolicy } from '../policies.ts';

const those = ['ada', 'ben', 'cyd'].map((name, at) => participantOf(name, at));
const spoken = (weights: Record<string, number>, count: number, what: 'said' | 'skipped' = 'said') => {
  const policy = settle({ type: 'priority', weights }, those);
  const happenings = Array.from({ length: count }, () => (what === 'said' ? { what, text: 'Yes.' } : { what }));
  const { turns } = play({ policy, participants: those }, happenings, [{ failed: true }]);
  return turns.map(({ participantId }) => those.find((p) => p.id === participantId)?.name.charAt(0)).join('');
};

const TABLE: [Record<string, number>, string][] = [
  [{}, 'abcabcabc'],
  [{ ada: 2 }, 'abcaabca'],
  [{ ben: 3, cyd: 2 }, 'bcbacbbcbacb'],
  [{ cyd: 1_000 }, 'cccccccccc'],
];
for (const [weights, expected] of TABLE) {
  test(`the weights ${JSON.stringify(weights)} give ${expected}`, () => {
    assert.equal(spoken(weights, expected.length), expected);
  });
}

test('turns without a word count too: who never comes does not hold up the others', () => {
  assert.equal(spoken({ ada: 2 }, 8, 'skipped'), spoken({ ada: 2 }, 8));
});

test('shares come to the weights: after n turns nobody is further than one and a half turns from what is due', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 400 }),
      (weights, count) => {
        const people = weights.map((_, at) => participantOf(`p${at}`, at));
        const policy = settle(
          { type: 'priority', weights: Object.fromEntries(people.map((p, at) => [p.name, weights[at] as number])) },
          people,
        );
        const said = Array.from({ length: count }, () => ({ what: 'said' as const, text: '' }));
        const { state } = play({ policy, participants: people }, said, [{ failed: true }]);
        const all = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [at, person] of people.entries()) {
          const due = (count * (weights[at] as number)) / all;
          const had = state.taken[person.id] ?? 0;
          // Sainte-Laguë may leave the bounds of one whole turn (Balinski and Young), but hardly.
          assert.ok(Math.abs(had - due) < 1.5, `${had} of ${due}`);
        }
      },
    ),
  );
});

test('weights are by any reference; a stranger or a second name of the same one is a fault', () => {
  const kept = settle({ type: 'priority', weights: { 'agent-1': 5, ADA: 2 } }, those);
  const expected = [2, 5, 1].map((weight, at) => ({ participant_id: those[at]?.id, weight }));
  assert.deepEqual(kept, { type: 'priority', weights: expected });
  assert.deepEqual(settlePolicy({ type: 'priority', weights: { zoe: 1 } }, those), {
    fault: { path: 'weights.zoe', message: 'is not a participant' },
  });
  assert.deepEqual(settlePolicy({ type: 'priority', weights: { ada: 1, 'agent-0': 1 } }, those), {
    fault: { path: 'weights.agent-0', message: 'is ada once more' },
  });
});
