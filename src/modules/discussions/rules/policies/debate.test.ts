import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  answers,
  type Happening,
  happenings,
  POLICIES,
  participantOf,
  participants,
  play,
  settle,
} from '../../../../../test/support/policies.ts';
import { EMPTY, type State } from '../fold.ts';
import { briefOf, heardIn, type KeptPolicy, lengthOf, settlePolicy } from '../policies.ts';

const those = ['ada', 'ben', 'cyd', 'dee', 'judge'].map((name, at) => participantOf(name, at));
const SIDES = [
  { name: 'For', participants: ['ada', 'ben'] },
  { name: 'Against', participants: ['cyd', 'dee'] },
];
const policy = settle({ type: 'debate', sides: SIDES, rounds: 3, judge: 'judge' }, those);
const idOf = (name: string) => those.find((p) => p.name === name)?.id as string;
const said = (text = 'So.'): Happening => ({ what: 'said', text });

function debated(events: Happening[]) {
  const { turns, ended, state } = play({ policy, participants: those }, events, [{ failed: true }]);
  return {
    names: turns.map(({ participantId }) => those.find((p) => p.id === participantId)?.name).join(' '),
    reasons: turns.map(({ reason }) => reason),
    ended,
    state,
  };
}

test('per round one speaker a side, in turns within a side; then the judge; then the end', () => {
  const { names, reasons, ended } = debated(Array(8).fill(said()));
  assert.equal(names, 'ada cyd ben dee ada cyd judge');
  assert.equal(reasons[2], 'Round 2 of 3, for For.');
  assert.equal(reasons[6], 'All rounds are over: the judge closes.');
  assert.equal(ended, 'verdict');
  assert.equal(lengthOf(policy), 7);
});

test('a turn without words is a turn; a judge without words gives no verdict', () => {
  const { names, ended } = debated([
    said(),
    { what: 'skipped' },
    ...Array(4).fill(said()),
    { what: 'skipped' },
    said(),
  ]);
  assert.equal(names, 'ada cyd ben dee ada cyd judge');
  assert.equal(ended, 'no_verdict');
});

test('cut before the first word, a speaker keeps the place, and so does the judge', () => {
  const cut: Happening = { what: 'interrupted' };
  const { names, ended } = debated([cut, ...Array(6).fill(said()), cut, said(), said()]);
  assert.equal(names, 'ada ada cyd ben dee ada cyd judge judge');
  assert.equal(ended, 'verdict');
});

test('whom a person names speaks in between, and the order goes on', () => {
  const named: Happening = { what: 'named', who: 4 };
  const { names, ended } = debated([said(), named, said('Verdict: For'), ...Array(7).fill(said())]);
  assert.equal(names, 'ada judge cyd ben dee ada cyd judge');
  assert.equal(ended, 'verdict');
  const late = debated([...Array(6).fill(said()), { what: 'skipped' }, { what: 'named', who: 0 }, said(), said()]);
  assert.equal(late.names, 'ada cyd ben dee ada cyd judge ada');
  assert.equal(late.ended, 'no_verdict', 'the judge has said nothing all the same');
});

test('the order is exact, the judge is last and once, whatever happens', () => {
  const tables = participants
    .filter((people) => people.length >= 3)
    .chain((people) =>
      POLICIES.debate(people).map((asked) => ({ participants: people, policy: settle(asked, people) })),
    );
  fc.assert(
    fc.property(tables, happenings(80), answers, (table, events, given) => {
      const { sides, rounds, judge } = table.policy as KeptPolicy & { type: 'debate' };
      const { turns, ended, state } = play(table, events, given);
      for (const { participantId, named, before } of turns) {
        if (named) continue;
        const side = sides[before.moves % sides.length];
        const round = Math.floor(before.moves / sides.length);
        if (round >= rounds) assert.equal(participantId, judge);
        else assert.equal(participantId, side?.participants[round % side.participants.length]);
      }
      if (ended !== undefined) assert.equal(state.moves, sides.length * rounds + 1);
      else assert.ok(state.moves <= sides.length * rounds + 1);
    }),
  );
});

const atTheJudge: State = { ...EMPTY, turns: 6, moves: 6, last: idOf('cyd') };
const verdictOf = (text: string, state = atTheJudge, who = 'judge') =>
  heardIn(policy, { turn: state.turns + 1, participantId: idOf(who), text }, { participants: those, state }).verdict;

const VERDICTS: [string, string | null][] = [
  ['Both did well.\nVerdict: For', 'For'],
  ['verdict: AGAINST', 'Against'],
  ['**Verdict:** For.', 'For'],
  ['Verdict: "Against"\n\n', 'Against'],
  ['Verdict: “For”', 'For'],
  ['> Verdict : For!', 'For'],
  ['Verdict: For\nThank you all.', null],
  ['Verdict: neither', null],
  ['Verdict: For and Against', null],
  ['Verdict:', null],
  ['', null],
  ['I find For.', null],
  ['The verdict: For', null],
  [`Verdict: ${'x'.repeat(100_000)}For`, null],
  ['Verdict: F\u200Bor', null],
];
for (const [text, side] of VERDICTS) {
  test(`${JSON.stringify(text.slice(0, 40))} gives ${side ?? 'no side'}`, () =>
    assert.deepEqual(verdictOf(text), { side }));
}

test('only the judge, and only at the end, gives a verdict', () => {
  assert.equal(verdictOf('Verdict: For', { ...atTheJudge, moves: 5 }), undefined);
  assert.equal(verdictOf('Verdict: For', atTheJudge, 'ada'), undefined);
  const choice = { participantId: idOf('judge'), reason: '', named: true as const };
  assert.equal(
    verdictOf('Verdict: For', { ...atTheJudge, choice }),
    undefined,
    'named by a person, it is out of order',
  );
  const silent = { turn: 7, participantId: idOf('judge'), text: '', silent: true };
  assert.deepEqual(heardIn(policy, silent, { participants: those, state: atTheJudge }), {}, 'a turn without a message');
  const aside = { turn: null, participantId: idOf('judge'), text: 'Verdict: For' };
  assert.deepEqual(heardIn(policy, aside, { participants: those, state: atTheJudge }), {});
});

const FAULTS: [string, object, { path: string; message: string }][] = [
  [
    'a stranger',
    { sides: [SIDES[0], { name: 'B', participants: ['zoe'] }] },
    { path: 'sides.1.participants.0', message: 'is not a participant' },
  ],
  [
    'one on two sides',
    { sides: [SIDES[0], { name: 'B', participants: ['cyd', 'ADA'] }] },
    { path: 'sides.1.participants.1', message: 'is on a side already' },
  ],
  [
    'one twice on a side',
    { sides: [{ name: 'A', participants: ['ada', 'ada'] }, SIDES[1]] },
    { path: 'sides.0.participants.1', message: 'is on a side already' },
  ],
  [
    'two sides of one name',
    { sides: [SIDES[0], { name: 'FOR', participants: ['cyd', 'dee'] }] },
    { path: 'sides.1.name', message: 'is there already' },
  ],
  [
    'a name of marks only',
    { sides: [SIDES[0], { name: '**', participants: ['cyd', 'dee'] }] },
    { path: 'sides.1.name', message: 'must have a letter or a digit' },
  ],
  ['a judge from outside', { sides: SIDES, judge: 'zoe' }, { path: 'judge', message: 'is not a participant' }],
  ['a judge on a side', { sides: SIDES, judge: 'dee' }, { path: 'judge', message: 'is on a side' }],
  [
    'somebody without a part',
    { sides: [SIDES[0], { name: 'B', participants: ['cyd'] }] },
    { path: 'sides', message: 'leave out dee, who is not the judge either' },
  ],
];
for (const [name, asked, fault] of FAULTS) {
  test(`${name} is a fault that says where`, () => {
    const whole = { type: 'debate', judge: 'judge', ...asked } as never;
    assert.deepEqual(settlePolicy(whole, those), { fault });
  });
}

test('each is told his part: the side and the round, or to close with a verdict', () => {
  const brief = (name: string, state: State) => {
    const speaker = those.find((p) => p.name === name) as (typeof those)[number];
    return briefOf(policy, speaker, { participants: those, state });
  };
  assert.match(brief('cyd', { ...EMPTY, moves: 3 })?.text ?? '', /side “Against” against “For”, in round 2 of 3/);
  assert.deepEqual(brief('cyd', EMPTY)?.hint, { side: 'Against' });
  assert.match(brief('judge', atTheJudge)?.text ?? '', /Verdict: NAME, where NAME is one of “For”, “Against”/);
  assert.deepEqual(brief('judge', atTheJudge)?.hint, { verdict: ['For', 'Against'] });
  const choice = { participantId: idOf('judge'), reason: '', named: true as const };
  assert.match(brief('judge', { ...EMPTY, moves: 2, choice })?.text ?? '', /give no verdict yet/);
});
