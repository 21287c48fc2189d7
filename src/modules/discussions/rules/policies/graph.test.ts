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
import { EMPTY } from '../fold.ts';
import { briefOf, type KeptPolicy, settlePolicy } from '../policies.ts';

const those = ['triage', 'billing', 'tech', 'human'].map((name, at) => participantOf(name, at));
const EDGES = [
  { from: 'triage', to: 'billing', when: 'refund' },
  { from: 'triage', to: 'tech', when: 'Crash' },
  { from: 'triage', to: 'human' },
  { from: 'billing', to: 'human', when: 'done' },
  { from: 'tech', to: 'triage' },
  { from: 'tech', to: 'billing' },
];
const said = (text: string): Happening => ({ what: 'said', text });
const aside = (text: string): Happening => ({ what: 'aside', who: 12, text });

/** Who has had the turns, why the last one had it, and how it ended. */
function walk(events: Happening[], edges: object[] = EDGES) {
  const policy = settle({ type: 'graph', edges: edges as never }, those);
  const { turns, ended } = play({ policy, participants: those }, [...events, said('')], [{ failed: true }]);
  const names = turns.map(({ participantId }) => those.find((p) => p.id === participantId)?.name);
  return { names: names.join(' '), reason: turns.at(-1)?.reason, ended };
}

const TABLE: [string, Happening[], string, string][] = [
  ['it starts at the first', [], 'triage', 'Where the graph starts.'],
  ['along the words', [said('A REFUND, then.')], 'triage billing', 'Along the edge from triage: “refund” was said.'],
  [
    'the first edge whose words are said',
    [said('It crashed; a refund?')],
    'triage billing',
    'Along the edge from triage: “refund” was said.',
  ],
  ['a call goes before words', [said('refund? @tech')], 'triage tech', 'Along the edge from triage: called by triage.'],
  [
    'a call that no edge allows does not count',
    [said('@human'), said('@tech')],
    'triage human',
    'Along the edge from triage: called by triage.',
  ],
  [
    'without words: the free edge',
    [said('Hm.')],
    'triage human',
    'Along the edge from triage: the only one that needs no words.',
  ],
  [
    'the least travelled first',
    [said('crash'), said('')],
    'triage tech triage',
    'Along the edge from tech: the least travelled.',
  ],
  [
    'and then the other',
    [said('crash'), said(''), said('crash'), said('')],
    'triage tech triage tech billing',
    'Along the edge from tech: the least travelled.',
  ],
  [
    'words from outside count',
    [said('Hm.'), aside('It crashed.')],
    'triage tech',
    'Along the edge from triage: “Crash” was said.',
  ],
  [
    'a call from outside counts',
    [said('crash'), aside('@billing!')],
    'triage billing',
    'Along the edge from triage: called from outside.',
  ],
  [
    'a call from outside that no edge allows takes nothing away',
    [said('refund'), said('done'), aside('@tech')],
    'triage billing human',
    'Along the edge from billing: “done” was said.',
  ],
  [
    'cut before the first word: the same edge',
    [said('crash'), { what: 'interrupted' }],
    'triage tech tech',
    'Along the edge from triage: “Crash” was said.',
  ],
  [
    'a turn without words goes on along a free edge',
    [{ what: 'skipped' }],
    'triage human',
    'Along the edge from triage: the only one that needs no words.',
  ],
];
for (const [name, events, names, reason] of TABLE) {
  test(name, () => {
    const walked = walk(events);
    assert.deepEqual([walked.names, walked.reason], [names, reason]);
  });
}

test('what was called from outside while somebody spoke counts for the edge after his turn', () => {
  const during = { what: 'said' as const, during: '@billing!' };
  assert.equal(walk([said('crash'), { ...during, text: 'Hm.' }]).names, 'triage tech billing');
  assert.equal(walk([said('crash'), { ...during, text: '@triage' }]).names, 'triage tech triage');
  const words = { what: 'said' as const, text: 'Hm.', during: 'A refund!' };
  assert.equal(walk([words]).names, 'triage billing');
});

test('where no edge holds it is over', () => {
  assert.deepEqual(walk([said('refund'), said('Not yet.')]), {
    names: 'triage billing',
    reason: 'Along the edge from triage: “refund” was said.',
    ended: 'end_of_graph',
  });
  assert.equal(walk([said('refund'), said('Done!')]).names, 'triage billing human');
});

test('who was named by a person goes on along his own edges', () => {
  const walked = walk([said('refund'), { what: 'named', who: 2 }, said('Hm.')]);
  assert.equal(walked.names, 'triage tech triage');
});

const FAULTS: [string, object, { path: string; message: string }][] = [
  [
    'an unknown end',
    { edges: [...EDGES, { from: 'tech', to: 'zoe' }] },
    { path: 'edges.6.to', message: 'is not a participant' },
  ],
  [
    'an unknown beginning',
    { edges: [{ from: 'zoe', to: 'tech' }] },
    { path: 'edges.0.from', message: 'is not a participant' },
  ],
  ['an unknown start', { edges: EDGES, start: 'zoe' }, { path: 'start', message: 'is not a participant' }],
  [
    'a doubled edge',
    { edges: [...EDGES, { from: 'agent-0', to: 'HUMAN' }] },
    { path: 'edges.6', message: 'is there already' },
  ],
  [
    'a doubled edge with words',
    { edges: [...EDGES, { from: 'triage', to: 'billing', when: 'REFUND' }] },
    { path: 'edges.6', message: 'is there already' },
  ],
  ['one who cannot be reached', { edges: EDGES.slice(0, 2) }, { path: 'edges', message: 'lead nowhere to human' }],
  [
    'a start from which others cannot be reached',
    { edges: EDGES, start: 'billing' },
    { path: 'edges', message: 'lead nowhere to triage' },
  ],
];
for (const [name, asked, fault] of FAULTS) {
  test(`${name} is a fault that says where`, () => {
    assert.deepEqual(settlePolicy({ type: 'graph', ...asked } as never, those), { fault });
  });
}

test('it never leaves the edges, except where a person names somebody', () => {
  const tables = participants.chain((people) =>
    POLICIES.graph(people).map((asked) => ({ participants: people, policy: settle(asked, people) })),
  );
  fc.assert(
    fc.property(tables, happenings(), answers, (table, events, given) => {
      const { edges, start } = table.policy as KeptPolicy & { type: 'graph' };
      const { turns, state } = play(table, events, given);
      for (const { participantId, named, before } of turns) {
        if (named) continue;
        if (before.last === null) assert.equal(participantId, start);
        else assert.ok(edges.some(({ from, to }) => from === before.last && to === participantId));
      }
      for (const pair of Object.keys(state.travelled))
        assert.ok(edges.some(({ from, to }) => pair === `${from}>${to}`));
    }),
  );
});

test('free edges are travelled evenly', () => {
  const star = ['billing', 'tech', 'human'].flatMap((name) => [
    { from: 'triage', to: name },
    { from: name, to: 'triage' },
  ]);
  const policy = settle({ type: 'graph', edges: star }, those);
  const { state } = play(
    { policy, participants: those },
    Array.from({ length: 61 }, () => said('')),
    [{ failed: true }],
  );
  for (const p of those.slice(1)) assert.equal(state.travelled[`${those[0]?.id}>${p.id}`], 10);
});

test('a speaker is told to whom he may hand over, and the last one that he is', () => {
  const policy = settle({ type: 'graph', edges: EDGES }, those);
  const briefs = those.map((p) => briefOf(policy, p, { participants: those, state: EMPTY }));
  assert.match(briefs[0]?.text ?? '', /@billing, @tech, @human.*saying “refund” leads to billing/);
  assert.deepEqual(briefs[0]?.hint, { calls: ['billing', 'tech', 'human'] });
  assert.match(briefs[3]?.text ?? '', /Nobody speaks after you/);
});
