import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Draft,
  EMPTY,
  freeSeat,
  type PolicyType,
  placed,
  prepared,
  type Seat,
  seated,
  seatNameProblem,
  unplaced,
} from './draft.ts';
import { inputOf, placeOf, problems } from './form.ts';
import { draftOf, SCENARIOS } from './gallery/scenarios.ts';
import { parsedDraft } from './keep.ts';
import { policyOf, policyProblems, shares } from './policy.ts';
import { reasonWords } from './words.ts';

const seat = (name: string): Seat => ({ key: `agent:${name}`, kind: 'agent', id: `id-${name}`, name });
const [ada, bruno, clara] = [seat('ada'), seat('bruno'), seat('clara')];
const bot = freeSeat('Night Bot');
const draftFor = (policy: PolicyType, more: Partial<Draft> = {}): Draft =>
  prepared({ ...EMPTY, topic: 'Why?', seats: [ada, bruno, clara], policy, ...more });

test('every policy is sent as the server takes it, seats by name and others by id', () => {
  const sent = (policy: PolicyType, more: Partial<Draft> = {}) => policyOf(draftFor(policy, more));
  assert.deepEqual(sent('round_robin'), { type: 'round_robin' });
  assert.deepEqual(sent('vote'), { type: 'vote' });
  assert.deepEqual(sent('manual'), { type: 'manual' });
  assert.deepEqual(sent('priority', { weights: { 'agent:ada': '3', 'agent:bruno': '' } }), {
    ...{ type: 'priority', weights: { 'id-ada': 3 } },
  });
  assert.deepEqual(sent('mention'), { type: 'mention' });
  assert.deepEqual(sent('mention', { seats: [ada, bot], fallback: bot.key }), {
    type: 'mention',
    fallback: 'Night Bot',
  });
  assert.deepEqual(sent('moderator'), { type: 'moderator' });
  assert.deepEqual(sent('moderator', { moderator: 'x', moderator_model: 'openai/a' }), {
    ...{ type: 'moderator', agent_id: 'x' },
  });
  assert.deepEqual(sent('moderator', { moderator_model: ' openai/a ' }), { type: 'moderator', model: 'openai/a' });
  assert.deepEqual(sent('graph'), {
    type: 'graph',
    edges: [
      { from: 'id-ada', to: 'id-bruno' },
      { from: 'id-bruno', to: 'id-clara' },
    ],
  });
  assert.deepEqual(sent('debate'), {
    type: 'debate',
    sides: [
      { name: 'For', participants: ['id-ada'] },
      { name: 'Against', participants: ['id-bruno'] },
    ],
    judge: 'id-clara',
    rounds: 2,
  });
});

test('a graph says which edge is wrong, and whom no way reaches', () => {
  const edges = [
    { key: '1', from: ada.key, to: bruno.key, when: 'Refund' },
    { key: '2', from: ada.key, to: bruno.key, when: ' refund ' },
    { key: '3', from: bruno.key, to: '', when: '' },
  ];
  assert.deepEqual(policyProblems(draftFor('graph', { edges })), {
    'edges.1': 'This edge is there already.',
    'edges.2.to': 'To whom?',
    edges: 'No way leads to clara.',
  });
  assert.deepEqual(policyProblems(draftFor('graph', { seats: [ada] })), {
    ...{ edges: 'A graph needs an edge: who may speak after whom.' },
  });
  assert.deepEqual(policyProblems(draftFor('graph')), {});
});

test('a debate says who has no side, which side has nobody, and that its turns must suffice', () => {
  const found = problems(
    draftFor('debate', {
      sides: [
        { key: 'a', name: 'For', members: [ada.key] },
        { key: 'b', name: ' for ', members: [] },
      ],
      judge: '',
    }),
  );
  assert.deepEqual(Object.keys(found).sort(), ['judge', 'sides', 'sides.1', 'sides.1.name']);
  assert.match(found.sides ?? '', /bruno, clara/);
  assert.match(problems(draftFor('debate', { max_turns: '4' })).max_turns ?? '', /needs 5 turns/);
  assert.deepEqual(problems(draftFor('debate', { max_turns: '5' })), {});
});

test('a seat is on one side only; a second judge sends the first one back', () => {
  const debate = draftFor('debate');
  const moved = placed(debate, ada.key, 'side-2');
  assert.deepEqual(
    moved.sides.map(({ members }) => members),
    [[], [bruno.key, ada.key]],
  );
  const judged = placed(moved, ada.key, 'judge');
  assert.equal(judged.judge, ada.key);
  assert.deepEqual(unplaced(judged), [clara]);
  assert.deepEqual(unplaced(placed(judged, ada.key, '')), [ada, clara]);
});

test('who gets up is gone from every rule', () => {
  const left = seated(draftFor('graph', { weights: { [clara.key]: '2' }, fallback: clara.key, start: clara.key }), [
    ada,
    bruno,
  ]);
  assert.deepEqual([left.weights, left.fallback, left.start], [{}, '', '']);
  assert.deepEqual(
    left.edges.map(({ from, to }) => [from, to]),
    [[ada.key, bruno.key]],
  );
});

test('shares are parts of one, and a weight that is none counts nothing', () => {
  assert.deepEqual(shares(draftFor('priority', { weights: { [ada.key]: '2' } })), [0.5, 0.25, 0.25]);
  assert.deepEqual(shares(draftFor('priority', { weights: { [ada.key]: 'x' } })), [0, 0.5, 0.5]);
  assert.deepEqual(policyProblems(draftFor('priority', { weights: { [ada.key]: '1001' } })), {
    [`weights.${ada.key}`]: 'A whole number from 1 to 1,000.',
  });
});

test("the server's fields are shown where they are typed", () => {
  const draft = draftFor('priority');
  const places = [
    ...['topic', 'participants.2.seat.name', 'policy.edges.1.to', 'policy.edges.1', 'policy.sides.0.name'],
    ...['policy.sides.1.participants.0', 'policy.weights.id-bruno', 'policy.judge', 'limits.max_seconds'],
    ...['memory.summary_model', 'policy.type', 'context.3.text'],
  ];
  assert.deepEqual(
    places.map((field) => placeOf(field, draft)),
    [
      ...['topic', 'seats.2', 'edges.1.to', 'edges.1', 'sides.0.name', 'sides.1', 'weights.agent:bruno', 'judge'],
      ...['max_minutes', 'summary_model', 'policy', 'texts'],
    ],
  );
});

test('a kept draft comes back whole, and one of another version not at all', () => {
  const draft = draftFor('debate');
  assert.deepEqual(parsedDraft(JSON.stringify(draft)), draft);
  for (const text of [null, '', '{', '[]', 'null', '{"topic":"x"}', JSON.stringify({ ...draft, edges: {} })])
    assert.equal(parsedDraft(text), undefined);
});

test('a seat has a name of its own', () => {
  const refused = ['', ' ', '@bot', '—', 'a  b', 'x'.repeat(65), 'NIGHT bot'];
  for (const name of refused) assert.notEqual(seatNameProblem(name, [bot]), undefined, name);
  assert.equal(seatNameProblem('Day Bot', [bot]), undefined);
});

test('every ready discussion is one that can begin', () => {
  for (const scenario of SCENARIOS) {
    const agents = scenario.agents.map(({ name }) => ({ id: `id-${name}`, name }));
    const draft = draftOf(scenario, agents);
    assert.deepEqual(problems(draft), {}, scenario.name);
    const { participants, policy } = inputOf(draft);
    assert.equal(participants.length, agents.length - (scenario.aside?.length ?? 0));
    assert.equal(policy?.type, scenario.policy);
    for (const { name } of agents) assert.match(name, /^[a-z0-9][a-z0-9_-]{0,63}$/);
    assert.doesNotMatch(JSON.stringify(policy), /agent:/, 'ids are sent, not keys');
  }
});

test('why a discussion stands is said in words', () => {
  assert.equal(reasonWords({ status: 'completed', status_reason: 'end_of_graph' }), 'at the end of its graph');
  assert.equal(reasonWords({ status: 'paused', status_reason: 'model_unavailable' }), 'model unavailable');
  assert.equal(reasonWords({ status: 'paused', status_reason: 'requested' }), undefined);
});
