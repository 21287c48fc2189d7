import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  answers,
  type Happening,
  happenings,
  participantOf,
  participants,
  play,
  settle,
} from '../../../../../test/support/policies.ts';
import { EMPTY } from '../fold.ts';
import { briefOf, settlePolicy } from '../policies.ts';
import { calledIn } from './names.ts';

const those = ['ada', 'ben', 'cyd'].map((name, at) => participantOf(name, at));

/** Who speaks after these, and why. */
const next = (events: Happening[], fallback?: string) => {
  const policy = settle({ type: 'mention', ...(fallback && { fallback }) }, those);
  const { turns } = play({ policy, participants: those }, [...events, { what: 'said', text: '' }], [{ failed: true }]);
  const last = turns.at(-1);
  return [those.find((p) => p.id === last?.participantId)?.name, last?.reason];
};
const said = (text: string): Happening => ({ what: 'said', text });
const aside = (text: string, who = 12): Happening => ({ what: 'aside', who, text });

const TABLE: [string, Happening[], string, string, string?][] = [
  ['the first speaks when nobody was called', [], 'ada', 'Nobody has been called yet; first in order.'],
  ['or the fallback', [], 'cyd', 'Nobody has been called yet; the fallback is next.', 'cyd'],
  ['who is called is next', [said('@cyd?')], 'cyd', 'Called by ada.'],
  ['nobody called: next in order', [said('Well.')], 'ben', 'Nobody was called; next in order after ada.'],
  [
    'nobody called: the fallback',
    [said('@ada'), said('So.')],
    'cyd',
    'Nobody was called; the fallback is next.',
    'cyd',
  ],
  ['the fallback has just spoken', [said('Well.')], 'ben', 'Nobody was called; next in order after ada.', 'ada'],
  ['nobody calls himself', [said('@ada I am.')], 'ben', 'Nobody was called; next in order after ada.'],
  ['of several, the first', [said('@cyd or @ben')], 'cyd', 'Called by ada.'],
  ['a call counts once', [said('@cyd'), said('Hm.')], 'ada', 'Nobody was called; next in order after cyd.'],
  [
    'called and skipped: the order goes on',
    [said('@cyd'), { what: 'skipped' }],
    'ada',
    'Nobody was called; next in order after cyd.',
  ],
  [
    'called and cut before the first word: still called',
    [said('@cyd'), { what: 'interrupted' }],
    'cyd',
    'Called by ada.',
  ],
  ['from outside', [said('Well.'), aside('@ada again?')], 'ada', 'Called from outside.'],
  ['by a participant out of turn', [said('Well.'), aside('@ada again?', 2)], 'ada', 'Called by cyd.'],
  [
    'from outside, before the call of the last speaker',
    [said('@ben'), aside('No, @cyd')],
    'cyd',
    'Called from outside.',
  ],
  ['an aside that calls nobody takes nobody the word', [said('@cyd'), aside('Hear, hear.')], 'cyd', 'Called by ada.'],
  [
    'a name in an address calls nobody',
    [said('mail ben@cyd.com')],
    'ben',
    'Nobody was called; next in order after ada.',
  ],
];
for (const [name, events, speaker, reason, fallback] of TABLE) {
  test(name, () => assert.deepEqual(next(events, fallback), [speaker, reason]));
}

test('a call from outside while somebody speaks counts after the turn, unless that ends with a call of its own', () => {
  const during = { what: 'said' as const, during: '@ada, and you?' };
  assert.deepEqual(next([said('@ben'), { ...during, text: 'I agree.' }]), ['ada', 'Called from outside.']);
  assert.deepEqual(next([said('@ben'), { ...during, text: 'I agree, @cyd.' }]), ['cyd', 'Called by ben.']);
  const twice = { what: 'said' as const, text: 'Hm.', during: '@ben, are you there?' };
  const ordinary = ['cyd', 'Nobody was called; next in order after ben.'];
  assert.deepEqual(next([said('@ben'), twice]), ordinary, 'he has just answered it');
});

test('whoever the last message calls speaks next, and nobody else', () => {
  fc.assert(
    fc.property(participants, happenings(20), answers, (people, events, given) => {
      const policy = settle({ type: 'mention' }, people);
      const texts = events.flatMap((event) => (event.what === 'said' ? [said(event.text)] : []));
      const { turns } = play({ policy, participants: people }, texts, given);
      for (const [at, { participantId }] of turns.entries()) {
        const before = turns[at - 1];
        if (!before) continue;
        const calls = calledIn((texts[at - 1] as { text: string }).text, people, before.participantId);
        if (calls.length > 0) assert.equal(participantId, calls[0]);
        else
          assert.equal(
            people.findIndex((p) => p.id === participantId),
            (people.findIndex((p) => p.id === before.participantId) + 1) % people.length,
          );
      }
    }),
  );
});

test('a fallback that does not take part is a fault; a speaker is told whom he may call', () => {
  assert.deepEqual(settlePolicy({ type: 'mention', fallback: 'zoe' }, those), {
    fault: { path: 'fallback', message: 'is not a participant' },
  });
  const [ada] = those as [(typeof those)[number]];
  const brief = briefOf(settle({ type: 'mention' }, those), ada, { participants: those, state: EMPTY });
  assert.match(brief?.text ?? '', /@ben, @cyd\./);
  assert.deepEqual(brief?.hint, { calls: ['ben', 'cyd'] });
  assert.equal(briefOf(settle({ type: 'mention' }, [ada]), ada, { participants: [ada], state: EMPTY }), null);
});
