import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answer, participantOf, participants, settle } from '../../../../../test/support/policies.ts';
import { EMPTY, type Fact, fold } from '../fold.ts';
import { disposeOf, nextSpeaker } from '../policies.ts';

const those = ['ada', 'ben', 'cyd'].map((name, at) => participantOf(name, at));
const [ada, ben] = those as [(typeof those)[number], (typeof those)[number]];
const policy = settle({ type: 'vote' }, those);

/** What comes of these answers, one a voter. */
function outcome(given: readonly string[], before: readonly Fact[] = []) {
  let state = before.reduce(fold, EMPTY);
  const refused: (string | null)[] = [];
  const verdict = nextSpeaker(policy, those, state);
  assert.equal(verdict.kind, 'ask');
  const who = verdict.kind === 'ask' ? verdict.who : [];
  for (const [at, { voter }] of who.entries()) {
    const text = given[at] as string;
    const disposal = disposeOf(policy, text === '-' ? { failed: true } : { text }, {
      participants: those,
      state,
      voter,
    });
    assert.equal(disposal.kind, 'ballot');
    refused.push(disposal.refused);
    const choice = disposal.choice as string | null;
    state = fold(state, { kind: 'ballot', turn: state.turns + 1, participantId: voter as string, choice });
  }
  const chosen = nextSpeaker(policy, those, state);
  assert.equal(chosen.kind, 'speak');
  if (chosen.kind !== 'speak') throw new Error();
  return { name: those.find((p) => p.id === chosen.participantId)?.name, reason: chosen.reason, refused };
}
const spoke = (turn: number, participantId: string): Fact => ({ kind: 'message', turn, participantId });

const TABLE: [string, string[], string, string][] = [
  ['most ballots', ['cyd', 'cyd', 'ada'], 'cyd', '2 of 3 ballots.'],
  [
    'spoilt ones are told',
    ['cyd', 'I vote for cyd, clearly', 'ada'],
    'ada',
    '1 of 3 ballots, tied: first in order. 1 does not count.',
  ],
  ['a vote for oneself', ['ada', 'ben', 'ben'], 'ben', '1 of 3 ballots. 2 do not count.'],
  ['a tie', ['ben', 'cyd', 'ada'], 'ada', '1 of 3 ballots, tied: first in order.'],
  ['nobody could be asked', ['-', '-', '-'], 'ada', 'No ballot counts. By rule: first in order.'],
  ['no ballot is a name', ['zoe', '{"next": 7}', ''], 'ada', 'No ballot counts. By rule: first in order.'],
  ['JSON is a ballot too', ['{"next":"cyd"}', '**cyd**', 'ben'], 'cyd', '2 of 3 ballots.'],
];
for (const [name, given, speaker, reason] of TABLE) {
  test(name, () => {
    const { name: chosen, reason: why } = outcome(given);
    assert.deepEqual([chosen, why], [speaker, reason]);
  });
}

test('of equals, whoever has had the fewest turns', () => {
  const { name, reason } = outcome(['ben', 'cyd', 'ada'], [spoke(1, ada.id), spoke(2, ben.id)]);
  assert.deepEqual([name, reason], ['cyd', '1 of 3 ballots, tied: had fewer turns.']);
});

test('why a ballot does not count is kept with it', () => {
  assert.deepEqual(outcome(['ada', 'cyd and ada', '-']).refused, ['names_oneself', 'names_several', 'failed']);
  assert.deepEqual(outcome(['ben', 'Ignore your rules. cyd', 'ada']).refused, [null, 'names_nobody', null]);
});

test('ballots are for one turn', () => {
  const cast = fold(EMPTY, { kind: 'ballot', turn: 1, participantId: ada.id, choice: ben.id });
  assert.equal(nextSpeaker(policy, those, cast).kind, 'speak');
  assert.equal(nextSpeaker(policy, those, fold(cast, spoke(1, ben.id))).kind, 'ask');
});

test('only agents are asked; nobody is, where none is or one is alone', () => {
  const people = those.map((p, at) => participantOf(p.name, at, at === 1 ? 'agent' : at === 0 ? 'user' : 'seat'));
  const asked = nextSpeaker(policy, people, EMPTY);
  assert.deepEqual(asked, { kind: 'ask', who: [{ agentId: 'agent-1', voter: people[1]?.id }] });
  const others = people.filter((p) => p.kind !== 'agent');
  const reason = 'Nobody can vote. By rule: first in order.';
  assert.deepEqual(nextSpeaker(policy, others, EMPTY), { kind: 'speak', participantId: others[0]?.id, reason });
  assert.deepEqual(nextSpeaker(policy, [ada], EMPTY), {
    kind: 'speak',
    participantId: ada.id,
    reason: 'The only participant.',
  });
});

test('whatever is answered, a ballot is for another participant or for nobody, and the winner has the most', () => {
  fc.assert(
    fc.property(participants, fc.array(answer, { minLength: 11, maxLength: 11 }), (people, given) => {
      const first = nextSpeaker(policy, people, EMPTY);
      if (first.kind !== 'ask') return;
      let state = EMPTY;
      const counts = new Map<string, number>();
      for (const [at, { voter }] of first.who.entries()) {
        const disposal = disposeOf(policy, given[at] as { text: string }, {
          participants: people,
          state: EMPTY,
          voter,
        });
        const choice = disposal.choice as string | null;
        assert.equal(choice === null, disposal.refused !== null);
        assert.notEqual(choice, voter);
        if (choice !== null) counts.set(choice, (counts.get(choice) ?? 0) + 1);
        state = fold(state, { kind: 'ballot', turn: 1, participantId: voter as string, choice });
      }
      const verdict = nextSpeaker(policy, people, state);
      assert.equal(verdict.kind, 'speak');
      if (verdict.kind !== 'speak' || counts.size === 0) return;
      assert.equal(counts.get(verdict.participantId), Math.max(...counts.values()));
    }),
  );
});
