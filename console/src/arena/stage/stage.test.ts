import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Discussion, Participant, Policy, Turn } from '@parley/sdk';
import { type ArenaState, initialState } from '../state.ts';
import { linesOf, placesOf, waysOf } from './roles.ts';
import { arc, benchesOf, spotsOf } from './seating.ts';

const who = (id: string, kind: Participant['kind'] = 'agent') =>
  ({ id, kind, agent_id: null, user_id: null, name: id }) as Participant;
const table = (ids: string[], rest: object = {}): Discussion =>
  ({
    ...{
      status: 'running',
      next_speaker: null,
      turn: 1,
      policy: { type: 'vote' },
      participants: ids.map((id) => who(id)),
    },
    ...rest,
  }) as unknown as Discussion;
const debate = (sides: [string, string[]][], judge: string): Policy => ({
  ...{ type: 'debate', rounds: 2, judge },
  sides: sides.map(([name, participants]) => ({ name, participants })),
});
const turn = (number: number, participant_id: string, rest: object = {}): Turn =>
  ({
    turn: number,
    participant_id,
    status: 'completed',
    ended_at: 'then',
    error: null,
    proposals: [],
    ...rest,
  }) as unknown as Turn;
const roles = (state: Partial<ArenaState>, discussion: Discussion): string[] =>
  placesOf({ ...initialState, ...state, discussion }, discussion, new Map()).map(({ role, passed }) => passed ?? role);
const next = (participant_id: string) => ({ next_speaker: { participant_id, name: '', kind: 'agent', reason: 'r' } });

test('in a debate each side sits together, the judge between two sides and after more', () => {
  const two = debate(
    [
      ['for', ['a', 'c']],
      ['against', ['b']],
    ],
    'j',
  );
  assert.deepEqual(benchesOf(table(['a', 'b', 'c', 'j'], { policy: two })), [
    { label: 'for', ids: ['a', 'c'] },
    { label: 'Judge', ids: ['j'] },
    { label: 'against', ids: ['b'] },
  ]);
  const three = debate(
    [
      ['x', ['a']],
      ['y', ['b']],
      ['z', ['c']],
    ],
    'j',
  );
  assert.deepEqual(
    benchesOf(table(['a', 'b', 'c', 'j'], { policy: three })).map(({ label }) => label),
    ['x', 'y', 'z', 'Judge'],
  );
  const head = spotsOf(table(['a', 'b', 'c', 'j'], { policy: two })).get('j');
  assert.deepEqual([Math.round(head?.x ?? 9), head?.y], [0, -1], 'the judge sits at the head');
});

test('everybody has a spot of their own on the circle, and who stands in a row stands on an arc', () => {
  for (const count of [1, 2, 5, 12, 32]) {
    const ids = Array.from({ length: count }, (_, i) => `p${i}`);
    const spots = [...spotsOf(table(ids)).values()];
    assert.equal(new Set(spots.map(({ x, y }) => `${x.toFixed(3)} ${y.toFixed(3)}`)).size, count);
    for (const { x, y } of spots) assert(Math.abs(x * x + y * y - 1) < 1e-9);
  }
  assert.deepEqual([arc(0, 3), arc(1, 3), arc(2, 3), arc(0, 1)], [0, 1, 0, 1]);
});

test('what each is doing: asked, speaking, awaited, next, or passed', () => {
  assert.deepEqual(roles({}, table(['a', 'b'])), ['asked', 'asked'], 'all voters at once');
  const live = { turn: 1, attempt: 1, participantId: 'b', reason: 'r', text: '', ahead: [], startedAt: 0 };
  assert.deepEqual(roles({ live }, table(['a', 'b'], next('b'))), ['quiet', 'thinking']);
  assert.deepEqual(roles({ live: { ...live, text: 'Well' } }, table(['a', 'b'], next('b'))), ['quiet', 'speaking']);
  assert.deepEqual(roles({}, table(['a', 'b'], { ...next('a'), status: 'waiting' })), ['waiting', 'quiet']);
  assert.deepEqual(roles({}, table(['a', 'b'], { ...next('a'), status: 'paused' })), ['next', 'quiet']);
  const after = (status: string, error: object | null = null): string[] =>
    roles({ turns: [turn(1, 'a'), turn(2, 'b', { status, error })] }, table(['a', 'b'], next('a')));
  assert.deepEqual(after('skipped'), ['thinking', 'passed']);
  assert.deepEqual(after('skipped', { code: 'x' }), ['thinking', 'could not speak']);
  assert.deepEqual(after('interrupted'), ['thinking', 'interrupted']);
  assert.deepEqual(after('completed'), ['thinking', 'quiet']);
});

test('lines tell who proposed whom; spoilt ballots and a moderator from outside draw none', () => {
  const ballot = (participant_id: string | null, choice: string | null) =>
    ({ kind: 'ballot', by: 'x', participant_id, choice, content: '', refused: null }) as Turn['proposals'][number];
  const lines = linesOf(
    [ballot('a', 'b'), ballot('b', null), ballot(null, 'a'), ballot('c', 'c')],
    table(['a', 'b', 'c']),
  );
  assert.deepEqual(
    lines.map(({ from, to }) => [from, to]),
    [['a', 'b']],
  );
});

test('the ways of a graph that lead on from the speaker are open while it goes on', () => {
  const policy = {
    type: 'graph',
    start: 'a',
    edges: [
      { from: 'a', to: 'b', when: null },
      { from: 'b', to: 'a', when: 'x' },
    ],
  };
  const open = (rest: object): boolean[] => {
    const discussion = table(['a', 'b'], { policy, ...rest });
    return waysOf({ ...initialState, discussion }, discussion).map((way) => way.open);
  };
  assert.deepEqual(open(next('a')), [true, false]);
  assert.deepEqual(open({ ...next('a'), status: 'completed' }), [false, false]);
});
