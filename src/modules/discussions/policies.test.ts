import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Follower, follow, makeAgents, stands } from '../../../test/support/discussions.ts';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';
import { INSTANT } from '../models/index.ts';
import { facts } from './log/store.ts';
import { EMPTY, fold } from './rules/fold.ts';
import { findDiscussion } from './store.ts';

let world: World;
let me: Member;
let agents: { id: string; name: string }[];
before(async () => {
  world = await createWorld({ app: { pace: INSTANT } });
  me = await world.signUp();
  agents = await makeAgents(me, ['ada', 'ben', 'cyd', 'dee']);
});
after(() => world.stop());

type Shown = { content: string; turn: number | null; author: { name: string }; metadata: Record<string, unknown> };
type TurnShown = { turn: number; name: string; reason: string; status: string; participant_id: string };
type Begun = {
  id: string;
  path: string;
  events: Follower;
  body: Record<string, never> & { participants: { id: string }[] };
};

async function begin(more: object): Promise<Begun> {
  const participants = agents.map(({ id }) => ({ agent_id: id }));
  const { status, body } = await me.post('/discussions', { topic: 'Tea or coffee?', participants, ...more });
  assert.equal(status, 201, JSON.stringify(body));
  return {
    id: body.id,
    body,
    path: `/discussions/${body.id}`,
    events: await follow(me, body.id, { lastEventId: body.cursor }),
  };
}
const turnsOf = async (path: string): Promise<TurnShown[]> => (await me.get(`${path}/turns?limit=100`)).body.items;
const saidIn = async (path: string): Promise<Shown[]> => (await me.get(`${path}/messages?limit=100`)).body.items;

/** Lets it come to its end, and answers how it ended and who spoke. */
async function toTheEnd({ id, path, events }: Begun) {
  const end = await events.until(stands);
  events.close();
  const row = await findDiscussion(world.db.reader(me.ctx), id);
  const log = await facts(world.db.reader(me.ctx), id);
  assert.deepEqual(row?.state, log.reduce(fold, EMPTY), 'the folded state is the log’s');
  const turns = await turnsOf(path);
  return {
    reason: end.data.data.reason,
    names: turns.map(({ name }) => name).join(' '),
    turns,
    body: (await me.get(path)).body,
  };
}

test('priority: turns are in proportion to the weights', async () => {
  const begun = await begin({ policy: { type: 'priority', weights: { ada: 3, ben: 2 } }, limits: { max_turns: 14 } });
  const { names, reason, turns } = await toTheEnd(begun);
  const count = (name: string) => names.split(' ').filter((one) => one === name).length;
  assert.deepEqual([count('ada'), count('ben'), count('cyd'), count('dee')], [6, 4, 2, 2]);
  assert.equal(reason, 'max_turns');
  assert.equal(turns[0]?.reason, 'ada has 3 of 7 shares, and has had 0 of 0 turns.');
});

test('mention: whoever is called speaks next, and a message keeps whom it calls', async () => {
  const begun = await begin({ policy: { type: 'mention', fallback: 'dee' }, limits: { max_turns: 12 } });
  const { turns } = await toTheEnd(begun);
  const said = await saidIn(begun.path);
  const nameOf = (id: string) => turns.find((turn) => turn.participant_id === id)?.name;
  assert.equal(turns[0]?.name, 'dee');
  let called = 0;
  for (const [at, { metadata, author }] of said.entries()) {
    const [first] = (metadata.calls ?? []) as string[];
    const next = turns[at + 1];
    if (!first || !next) continue;
    called++;
    assert.equal(nameOf(first), next.name);
    assert.equal(next.reason, `Called by ${author.name}.`);
  }
  assert.ok(called >= 3, 'the rehearsal calls by name, now and then');
  assert.ok(said.some(({ metadata }) => metadata.calls === undefined));
});

test('mention: a person’s message from outside calls too, and people are called like agents', async () => {
  const participants = [{ user_id: me.userId }, ...agents.slice(0, 2).map(({ id }) => ({ agent_id: id }))];
  const { path, body, events } = await begin({
    participants,
    policy: { type: 'mention' },
    limits: { max_turns: 3 },
  });
  assert.equal(body.status, 'waiting');
  const key = await world.apiKey(me);
  const posted = await key.post(`${path}/messages`, { content: 'Hello @BEN, what about you?' });
  assert.equal(posted.body.next_speaker.name, 'ben', 'who is waited for loses the turn to who is called');
  assert.equal(posted.body.next_speaker.reason, 'Called from outside.');
  assert.deepEqual(posted.body.metadata.calls, [body.participants[2]?.id]);
  const spoken = await events.until(({ event, data }) => event === 'message_posted' && data.data.turn === 1);
  assert.equal(spoken.data.data.name, 'ben');
  await me.post(`${path}/cancel`);
  events.close();
});

test('vote without a key: everybody votes by rule, and each choice says by how many', async () => {
  const begun = await begin({ policy: { type: 'vote' }, limits: { max_turns: 8 } });
  assert.equal(begun.body.next_speaker, null);
  const { turns, names } = await toTheEnd(begun);
  for (const { reason } of turns)
    assert.match(reason, /^\d of 4 ballots(, tied: (had fewer turns|first in order))?\.$/);
  assert.ok(new Set(names.split(' ')).size >= 3, `the quiet ones are voted for: ${names}`);
});

const HANDOVER = [
  { from: 'ada', to: 'ben' },
  { from: 'ada', to: 'cyd', when: 'pillar' },
  { from: 'ben', to: 'cyd' },
  { from: 'cyd', to: 'ada' },
  { from: 'cyd', to: 'dee', when: 'never said by anybody' },
];

test('graph: it goes along the edges only, and says along which', async () => {
  const begun = await begin({ policy: { type: 'graph', edges: HANDOVER }, limits: { max_turns: 9 } });
  const { turns, reason, body } = await toTheEnd(begun);
  assert.equal(turns[0]?.reason, 'Where the graph starts.');
  for (const [at, { name, reason: why }] of turns.entries()) {
    const before = turns[at - 1];
    if (!before) continue;
    assert.ok(
      HANDOVER.some(({ from, to }) => from === before.name && to === name),
      `${before.name} ${name}`,
    );
    assert.ok(why.startsWith(`Along the edge from ${before.name}: `), why);
  }
  assert.ok(['max_turns', 'end_of_graph'].includes(reason));
  assert.equal(body.policy.edges[1].when, 'pillar');
});

test('graph: where no edge holds, it completes with end_of_graph', async () => {
  const edges = ['ben', 'cyd', 'dee'].map((to, at) => ({ from: ['ada', 'ben', 'cyd'][at], to }));
  const { names, reason, body } = await toTheEnd(await begin({ policy: { type: 'graph', edges } }));
  assert.equal(names, 'ada ben cyd dee');
  assert.deepEqual([reason, body.status, body.status_reason], ['end_of_graph', 'completed', 'end_of_graph']);
});

const DEBATE = {
  type: 'debate',
  sides: [
    { name: 'Tea', participants: ['ada', 'cyd'] },
    { name: 'Coffee', participants: ['ben'] },
  ],
  judge: 'dee',
};

test('debate: sides in rounds, then the judge, who closes with a verdict', async () => {
  const begun = await begin({ policy: { ...DEBATE, rounds: 3 } });
  const { names, reason, body, turns } = await toTheEnd(begun);
  assert.equal(names, 'ada ben cyd ben ada ben dee');
  assert.deepEqual([reason, body.status, body.status_reason], ['verdict', 'completed', 'verdict']);
  assert.equal(turns[3]?.reason, 'Round 2 of 3, for Coffee.');
  const last = (await saidIn(begun.path)).at(-1) as Shown;
  const { side } = last.metadata.verdict as { side: string };
  assert.ok(['Tea', 'Coffee'].includes(side));
  assert.equal(last.content.split('\n').at(-1), `Verdict: ${side}`);
  const context = (await me.get(`${begun.path}/turns/7/context`)).body;
  assert.match(context.brief, /You are the judge of a debate between the sides “Tea”, “Coffee”/);
  assert.match((await me.get(`${begun.path}/turns/1/context`)).body.brief, /You argue for the side “Tea”/);
});

test('debate: a judge who says nothing gives no verdict; it needs no max_turns of its own', async () => {
  const participants = [...agents.slice(0, 3).map(({ id }) => ({ agent_id: id })), { seat: { name: 'dee' } }];
  const begun = await begin({ participants, policy: { ...DEBATE, rounds: 12 } });
  assert.equal((begun.body as unknown as { limits: { max_turns: number } }).limits.max_turns, 25);
  await begun.events.until(({ data }) => data.data?.turn === 25);
  await me.post(`${begun.path}/advance`);
  const { reason, body } = await toTheEnd(begun);
  assert.deepEqual([reason, body.status_reason, body.usage.turns], ['no_verdict', 'no_verdict', 25]);
  const short = await begin({ policy: { ...DEBATE, rounds: 3 }, limits: { max_turns: 2 } });
  assert.equal((await toTheEnd(short)).reason, 'max_turns', 'a limit that was asked for counts');
});

test('manual: it waits until a person names the next, by any reference, and the choice is in the log', async () => {
  const { path, body, events, id } = await begin({ policy: { type: 'manual' }, limits: { max_turns: 3 } });
  assert.deepEqual([body.status, body.status_reason, body.next_speaker], ['waiting', 'choose_next', null]);
  assert.equal((await me.post(`${path}/messages`, { content: 'Who begins?' })).body.next_speaker, null);
  const nobody = await me.post(`${path}/advance`);
  assert.deepEqual([nobody.status, nobody.body.error.message], [409, 'Say who speaks next.']);
  const stranger = await me.post(`${path}/advance`, { next_speaker: 'zoe' });
  assert.deepEqual([stranger.status, stranger.body.error.details.fields[0].field], [422, 'next_speaker']);
  for (const [turn, reference] of [
    [1, 'CYD'],
    [2, body.participants[0]?.id],
    [3, agents[1]?.id],
  ] as const) {
    await events.until(({ event, data }) => event === 'choice_awaited' && data.data.turn === turn);
    const named = await me.post(`${path}/advance?turn=${turn}`, { next_speaker: reference });
    assert.equal(named.status, 200, JSON.stringify(named.body));
  }
  const end = await events.until(stands);
  events.close();
  assert.equal(end.data.data.reason, 'max_turns');
  const turns = (await me.get(`${path}/turns`)).body.items;
  const by = turns[0].proposals[0].by;
  assert.deepEqual(
    turns.map((turn: { name: string; reason: string }) => [turn.name, turn.reason]),
    ['cyd', 'ada', 'ben'].map((name) => [name, `Chosen by ${by}.`]),
  );
  assert.deepEqual(turns[0].proposals, [
    { kind: 'person', by, participant_id: null, choice: body.participants[2]?.id, content: '', refused: null },
  ]);
  const log = await facts(world.db.reader(me.ctx), id);
  assert.equal(log.filter(({ kind }) => kind === 'proposal').length, 3);
});

test('manual: waiting for a choice takes no longer than the discussion’s time, and a pause is kept', async () => {
  const short = await begin({ policy: { type: 'manual' }, limits: { max_seconds: 0.4 } });
  assert.equal((await toTheEnd(short)).reason, 'max_seconds');
  const { path, events } = await begin({ policy: { type: 'manual' } });
  assert.equal((await me.post(`${path}/pause`)).body.status, 'paused');
  const stopped = await me.post(`${path}/advance`, { next_speaker: 'ada' });
  assert.equal(stopped.status, 409);
  const resumed = (await me.post(`${path}/resume`)).body;
  assert.deepEqual([resumed.status, resumed.status_reason], ['waiting', 'choose_next']);
  assert.equal((await me.post(`${path}/cancel`)).body.status, 'cancelled');
  events.close();
});

test('a person’s word counts in every policy, and pressing twice names once', async () => {
  const people = [{ user_id: me.userId }, { seat: { name: 'Sam' } }, { seat: { name: 'Kim' } }];
  const references = (policy: object) => JSON.parse(JSON.stringify(policy));
  const sides = [
    { name: 'A', participants: [me.userId] },
    { name: 'B', participants: ['Sam'] },
  ];
  const edges = [
    { from: me.userId, to: 'Sam' },
    { from: 'Sam', to: 'Kim' },
  ];
  const policies = [
    { type: 'round_robin' },
    { type: 'priority' },
    { type: 'mention' },
    { type: 'vote' },
    { type: 'graph', edges },
    { type: 'debate', sides, judge: 'Kim' },
    { type: 'manual' },
  ];
  for (const policy of policies) {
    const { path, body, events } = await begin({ participants: people, policy: references(policy) });
    events.close();
    assert.equal(body.status, 'waiting', policy.type);
    const named = (await me.post(`${path}/advance`, { next_speaker: 'kim' })).body;
    assert.deepEqual([named.status, named.next_speaker?.name], ['waiting', 'Kim'], policy.type);
    assert.match(named.next_speaker.reason, /^Chosen by /);
    const again = await me.post(`${path}/advance?turn=${named.turn}`, { next_speaker: 'Kim' });
    assert.deepEqual(
      [again.status, again.body.version, again.body.turn],
      [200, named.version, named.turn],
      policy.type,
    );
    await me.post(`${path}/cancel`);
  }
});

test('what a policy cannot be is refused, with the field that is wrong', async () => {
  const participants = agents.map(({ id }) => ({ agent_id: id }));
  const cases: [object, string][] = [
    [{ type: 'priority', weights: { zoe: 2 } }, 'policy.weights.zoe'],
    [{ type: 'priority', weights: { ada: 0 } }, 'policy.weights.ada'],
    [{ type: 'priority', weights: { ada: 1_001 } }, 'policy.weights.ada'],
    [{ type: 'priority', weights: { ada: 1.5 } }, 'policy.weights.ada'],
    [
      { type: 'priority', weights: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`n${at}`, 1])) },
      'policy.weights',
    ],
    [{ type: 'mention', fallback: 'zoe' }, 'policy.fallback'],
    [{ type: 'vote', voters: ['ada'] }, 'policy.voters'],
    [{ type: 'manual', by: 'me' }, 'policy.by'],
    [{ type: 'graph', edges: [] }, 'policy.edges'],
    [{ type: 'graph', edges: [{ from: 'ada', to: 'zoe' }] }, 'policy.edges.0.to'],
    [{ type: 'graph', edges: [{ from: 'ada', to: 'ben', when: ' ' }] }, 'policy.edges.0.when'],
    [{ type: 'graph', edges: [{ from: 'ada', to: 'ben' }] }, 'policy.edges'],
    [{ type: 'graph', edges: Array(257).fill({ from: 'ada', to: 'ben' }) }, 'policy.edges'],
    [{ ...DEBATE, sides: DEBATE.sides.slice(0, 1) }, 'policy.sides'],
    [{ ...DEBATE, judge: 'ada' }, 'policy.judge'],
    [{ ...DEBATE, rounds: 101 }, 'policy.rounds'],
    [{ type: 'debate', sides: DEBATE.sides }, 'policy.judge'],
  ];
  for (const [policy, field] of cases) {
    const { status, body } = await me.post('/discussions', { topic: 'x', participants, policy });
    assert.deepEqual([status, body.error?.code], [422, 'validation_failed'], JSON.stringify(body));
    assert.ok(
      body.error.details.fields.some((one: { field: string }) => one.field === field),
      `${field}: ${JSON.stringify(body.error.details.fields)}`,
    );
  }
  const long = await me.post('/discussions', {
    topic: 'x',
    participants,
    policy: JSON.parse(`{"type":"priority","weights":{"__proto__":1,"${'x'.repeat(100_000)}":1}}`),
  });
  assert.equal(long.status, 422);
  assert.ok(JSON.stringify(long.body).length < 2_000, 'an answer does not repeat a novel');
});
