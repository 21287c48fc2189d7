import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { follow, makeAgents, stands } from '../../../../test/support/discussions.ts';
import { hasTurn, type Seat, seatedDiscussion } from '../../../../test/support/seats.ts';
import { type Answer, createWorld, type Member, type World } from '../../../../test/support/world.ts';
import { INSTANT } from '../../models/index.ts';
import { facts } from '../log/store.ts';
import { EMPTY, fold } from '../rules/fold.ts';
import { findDiscussion } from '../store.ts';

let world: World;
let me: Member;
let agent: { id: string; name: string };
before(async () => {
  world = await createWorld({ app: { pace: INSTANT } });
  me = await world.signUp();
  [agent] = (await makeAgents(me, ['ada'])) as [{ id: string; name: string }];
});
after(() => world.stop());

const claim = ({ client }: Pick<Seat, 'client'>, path: string, turn: number) =>
  client.post(`${path}/turns/${turn}/claim`);
const why = ({ status, body }: Answer) => [status, body.error?.code, body.error?.details?.reason];
const messages = async (path: string) => (await me.get(`${path}/messages?limit=100`)).body.items;

test('a seat is told of its turn, claims it, posts as itself, and the agent answers', async () => {
  const { body, path, seats, events } = await seatedDiscussion(world, me, {
    names: ['Zoë from afar'],
    before: [{ agent_id: agent.id }],
    more: { limits: { max_turns: 4, turn_timeout_seconds: 60 }, context: [{ title: 'Tea', text: 'Tea is a leaf.' }] },
  });
  const [seat] = seats as [Seat];
  assert.deepEqual(
    body.participants.map(({ kind, name, agent_id, user_id }: Record<string, unknown>) => [
      kind,
      name,
      agent_id,
      user_id,
    ]),
    [
      ['agent', 'ada', agent.id, null],
      ['seat', 'Zoë from afar', null, null],
    ],
  );
  const own = await follow(seat.client, body.id, { lastEventId: body.cursor });
  const told = await own.until(hasTurn(seat.id, 2));
  assert.deepEqual([told.data.data.kind, told.data.dataversion], ['seat', 2]);
  const waiting = (await seat.client.get(path)).body;
  assert.deepEqual([waiting.status, waiting.next_speaker.kind, waiting.turn], ['waiting', 'seat', 2]);

  const claimed = await claim(seat, path, 2);
  assert.deepEqual([claimed.status, claimed.body.turn, claimed.body.deadline], [200, 2, waiting.deadline]);
  const { context } = claimed.body;
  assert.deepEqual([context.turn, context.attempt, context.participant_id, context.model], [2, 1, seat.id, null]);
  assert.match(JSON.stringify(context.messages), /Tea is a leaf/);
  assert.deepEqual(context.memory.window, { from_seq: 1, to_seq: 1 });
  assert.deepEqual((await seat.client.get(`${path}/turns/2/context`)).body, context, 'kept as it was given');
  assert.equal((await me.get(`${path}/turns/1/context`)).status, 200);
  assert.equal((await seat.client.get(`${path}/turns/1/context`)).status, 404, 'of the agent, not for an outsider');

  const posted = await seat.client.post(`${path}/messages`, {
    content: 'From afar.',
    turn: 2,
    fence: claimed.body.fence,
  });
  assert.deepEqual(
    [posted.status, posted.body.turn, posted.body.next_speaker.name],
    [201, 2, 'ada'],
    JSON.stringify(posted),
  );
  assert.deepEqual(posted.body.author, {
    ...{ kind: 'seat', participant_id: seat.id, agent_id: null, user_id: null, name: 'Zoë from afar' },
  });
  await own.until(hasTurn(seat.id, 4));
  const again = await claim(seat, path, 4);
  assert.ok(again.body.fence > claimed.body.fence, 'fences grow over the whole discussion');
  await seat.client.post(`${path}/messages`, { content: 'Good-bye.', turn: 4, fence: again.body.fence });
  await events.until(stands);
  for (const one of [own, events]) one.close();
  assert.deepEqual(
    (await messages(path)).map((m: { author: { kind: string }; turn: number }) => [m.author.kind, m.turn]),
    [
      ['agent', 1],
      ['seat', 2],
      ['agent', 3],
      ['seat', 4],
    ],
  );
  const announced = events.frames.find(({ event, data }) => event === 'message_posted' && data.data.turn === 2);
  assert.deepEqual([announced?.data.data.author_kind, announced?.data.data.name], ['seat', 'Zoë from afar']);
  const ended = (await seat.client.get(path)).body;
  assert.deepEqual([ended.status, ended.deadline], ['completed', null], 'still to be read by the seat');
});

test('what a seat says without a claim is said outside of turns, and takes nobody’s turn', async () => {
  const { path, seats, events } = await seatedDiscussion(world, me, { names: ['left', 'right'] });
  const [left, right] = seats as [Seat, Seat];
  for (const seat of [left, right]) {
    const { status, body } = await seat.client.post(`${path}/messages`, { content: `I am ${seat.name}.` });
    assert.deepEqual([status, body.turn, body.author.participant_id], [201, null, seat.id]);
  }
  const { status, turn, next_speaker } = (await me.get(path)).body;
  assert.deepEqual([status, turn, next_speaker.participant_id], ['waiting', 1, left.id]);
  events.close();
});

test('a newer claim kills the older one, and only both numbers end a turn', async () => {
  const { path, seats, events } = await seatedDiscussion(world, me, { names: ['left', 'right'] });
  const [left, right] = seats as [Seat, Seat];
  const say = (seat: Seat, more: object) => seat.client.post(`${path}/messages`, { content: 'Mine.', ...more });
  assert.deepEqual(why(await say(left, { turn: 1, fence: 1 })), [409, 'fence_outdated', 'not_claimed']);
  const first = (await claim(left, path, 1)).body;
  const second = (await claim(left, path, 1)).body;
  assert.ok(second.fence > first.fence);
  assert.deepEqual(why(await say(left, { turn: 1, fence: first.fence })), [409, 'fence_outdated', 'claimed_again']);
  for (const [one, missing] of [
    [{ turn: 1 }, 'fence'],
    [{ fence: second.fence }, 'turn'],
  ] as const) {
    const { status, body } = await say(left, one);
    assert.deepEqual([status, body.error.details.fields[0].field], [422, missing]);
  }
  const stolen = { turn: 1, fence: second.fence };
  assert.deepEqual(
    why(await say(right, stolen)),
    [409, 'fence_outdated', 'turn_over'],
    'a fence is worth nothing to another',
  );
  assert.equal((await me.post(`${path}/messages`, { content: 'x', ...stolen })).body.error.code, 'fence_outdated');
  assert.deepEqual(why(await say(left, { turn: 2, fence: second.fence })), [409, 'fence_outdated', 'turn_over']);
  assert.equal((await say(left, stolen)).status, 201);
  assert.deepEqual(why(await say(left, stolen)), [409, 'fence_outdated', 'turn_over']);
  assert.equal((await messages(path)).length, 1);
  events.close();
});

test('only whose turn it is claims it; a person may, and need not', async () => {
  const { path, seats, events } = await seatedDiscussion(world, me, {
    names: ['left', 'right'],
    before: [{ user_id: me.userId }],
  });
  const [left, right] = seats as [Seat, Seat];
  const mine = await claim({ client: me }, path, 1);
  assert.equal(mine.status, 200, JSON.stringify(mine.body));
  assert.equal((await claim({ client: me }, path, 2)).body.error.details.turn, 1);
  assert.equal((await claim(left, path, 1)).body.error.message, 'It is not your turn.');
  const outsider = await world.apiKey(me, ['owner']);
  assert.deepEqual(why(await claim({ client: outsider }, path, 1)).slice(0, 2), [403, 'permission_denied']);
  assert.equal((await me.post(`${path}/messages`, { content: 'Without a fence.' })).body.turn, 1);
  assert.deepEqual(why(await claim(right, path, 2)).slice(0, 2), [409, 'conflict']);
  assert.equal((await claim(left, path, 2)).status, 200);
  events.close();
});

test('paused, resumed, passed over or cancelled, a claim is worth nothing any more', async () => {
  const { path, seats, events } = await seatedDiscussion(world, me, { names: ['left', 'right'] });
  const [left, right] = seats as [Seat, Seat];
  const say = ({ client }: Seat, { turn, fence }: { turn: number; fence: number }) =>
    client.post(`${path}/messages`, { content: 'Late.', turn, fence });
  const held = (await claim(left, path, 1)).body;
  assert.equal((await me.post(`${path}/pause`)).body.deadline, null);
  assert.deepEqual(why(await say(left, held)), [409, 'fence_outdated', 'turn_over']);
  assert.equal((await claim(left, path, 1)).body.error.message, 'The discussion is paused.');
  const resumed = (await me.post(`${path}/resume`)).body;
  assert.deepEqual([resumed.turn, resumed.next_speaker.participant_id], [1, left.id]);
  assert.ok(resumed.deadline > held.deadline, 'the turn has its whole time again');
  assert.deepEqual(why(await say(left, held)), [409, 'fence_outdated', 'not_claimed']);
  const anew = (await claim(left, path, 1)).body;
  assert.deepEqual([anew.context.attempt, anew.fence > held.fence], [2, true]);
  assert.equal((await me.post(`${path}/advance`)).body.next_speaker.participant_id, right.id);
  assert.deepEqual(why(await say(left, anew)), [409, 'fence_outdated', 'turn_over']);
  const last = (await claim(right, path, 2)).body;
  await me.post(`${path}/cancel`);
  assert.deepEqual(why(await say(right, last)).slice(0, 2), [409, 'conflict']);
  assert.deepEqual(why(await claim(right, path, 2)).slice(0, 2), [409, 'conflict']);
  const turns = (await me.get(`${path}/turns`)).body.items;
  assert.deepEqual(
    turns.map((t: { status: string }) => t.status),
    ['skipped', 'cancelled'],
  );
  assert.equal((await messages(path)).length, 0);
  events.close();
});

test('many claims and posts at once, past the deadline and on both sides of it: a turn has one message or one skip', async () => {
  const { id, path, seats, events } = await seatedDiscussion(world, me, {
    names: ['left', 'right'],
    more: { limits: { max_turns: 12, turn_timeout_seconds: 0.15 } },
  });
  const answers: Answer[] = [];
  /** Several who hold the same key and know nothing of one another. */
  const hold = async (seat: Seat, slowness: number): Promise<void> => {
    for (let known = 0; ; ) {
      const { status, turn, next_speaker } = (await seat.client.get(path)).body;
      if (status === 'completed') return;
      if (next_speaker?.participant_id !== seat.id || turn === known) {
        await events.until(
          ({ event, data }) => event === 'discussion_completed' || (event === 'turn_started' && data.data.turn > turn),
        );
        continue;
      }
      known = turn;
      const claimed = await claim(seat, path, turn);
      answers.push(claimed);
      if (claimed.status !== 200) continue;
      // As slow as some requests are: reading does not wait for a clock, and loses some of the races.
      for (let n = 0; n < slowness; n++) await seat.client.get(`${path}/messages`);
      const { fence } = claimed.body;
      const both = await Promise.all(
        [1, 2].map((n) => seat.client.post(`${path}/messages`, { content: `${fence} ${n}`, turn, fence })),
      );
      answers.push(...both);
    }
  };
  await Promise.all(seats.flatMap((seat) => [0, 0, 2, 40].map((slowness) => hold(seat, slowness))));
  await world.settle();
  await events.until(({ event }) => event === 'discussion_completed');
  events.close();
  for (const { status, body } of answers) {
    assert.ok(status === 409 || status < 300, JSON.stringify(body));
    if (status === 409) assert.ok(['fence_outdated', 'conflict'].includes(body.error.code), body.error.code);
  }
  const said = await messages(path);
  const posted = answers.filter(({ status }) => status === 201).map(({ body }) => body.id);
  assert.deepEqual(
    said.map((m: { id: string }) => m.id).sort(),
    posted.sort(),
    'what was acknowledged, and nothing else',
  );
  const turns = (await me.get(`${path}/turns`)).body.items;
  assert.equal(turns.length, 12);
  for (const { turn, status, message_id: messageId } of turns) {
    const ofTurn = said.filter((m: { turn: number }) => m.turn === turn);
    assert.deepEqual(
      [ofTurn.length, ofTurn[0]?.id ?? null],
      [status === 'completed' ? 1 : 0, messageId],
      `turn ${turn}`,
    );
    assert.ok(['completed', 'skipped'].includes(status));
  }
  const ends = events.frames.filter(({ event }) => event === 'message_posted' || event === 'turn_skipped');
  assert.deepEqual(
    ends.map(({ data }) => data.data.turn),
    Array.from({ length: 12 }, (_, n) => n + 1),
    'each announced once, in order',
  );
  const reader = world.db.reader(me.ctx);
  assert.deepEqual((await findDiscussion(reader, id))?.state, (await facts(reader, id)).reduce(fold, EMPTY));
});

test('names: one seat each, in any script, and none that could be taken for another', async () => {
  const make = (participants: object[]) => me.post('/discussions', { topic: 'x', participants, start: false });
  const seatsOf = (...names: string[]) => names.map((name) => ({ seat: { name } }));
  const full = await make(seatsOf(...Array.from({ length: 32 }, (_, n) => `Seat ${n + 1}`)));
  assert.deepEqual([full.status, full.body.participants.length], [201, 32]);
  assert.equal((await make(seatsOf(...Array.from({ length: 33 }, (_, n) => `Seat ${n + 1}`)))).status, 422);
  const good = ['山田さん', 'Ḟrøya', 'قناة', 'x', '7', `${'👩🏽‍🚀'.repeat(3)} a`, 'O’Neill-Smith (2)', 'a'.repeat(64)];
  const shown = await make(seatsOf(...good));
  assert.deepEqual(
    shown.body.participants.map((p: { name: string }) => p.name),
    good,
  );
  const fields = async (participants: object[]) =>
    (await make(participants)).body.error?.details.fields.map((f: { field: string }) => f.field);
  for (const bad of [
    '',
    ' a',
    'a ',
    'a  b',
    'a\nb',
    'a\u0000b',
    '\u200bada',
    'a\u202eb',
    '…',
    '@ada',
    agent.id,
    'a'.repeat(65),
  ])
    assert.deepEqual(await fields(seatsOf('fine', bad)), ['participants.1.seat.name'], JSON.stringify(bad));
  for (const twin of ['ADA', 'ａｄａ', 'a\u200dda'])
    assert.deepEqual(await fields([...seatsOf(twin), { agent_id: agent.id }]), ['participants.0.seat.name'], twin);
  assert.deepEqual(await fields(seatsOf('Straße', 'straße')), ['participants.1.seat.name']);
  assert.deepEqual(await fields([{ seat: {} }]), ['participants.0.seat.name']);
  assert.deepEqual(await fields([{ seat: { name: 'a', key: 'b' } }]), ['participants.0.seat.key']);
});

for (const [type, policy] of Object.entries({
  priority: { weights: { left: 3, right: 1 } },
  mention: { fallback: 'right' },
  vote: {},
  graph: {
    edges: [
      { from: 'left', to: 'right' },
      { from: 'right', to: 'left' },
    ],
  },
  debate: {
    sides: [
      { name: 'yes', participants: ['left'] },
      { name: 'no', participants: ['right'] },
    ],
    judge: 'ada',
  },
  manual: {},
}))
  test(`a seat takes its turns under ${type}`, async () => {
    const before = type === 'debate' ? [{ agent_id: agent.id }] : [];
    const { path, seats, events } = await seatedDiscussion(world, me, {
      names: ['left', 'right'],
      before,
      more: { policy: { type, ...policy }, limits: { max_turns: 3 } },
    });
    for (let turn = 1; turn <= 2; turn++) {
      if (type === 'manual') await me.post(`${path}/advance`, { next_speaker: seats[turn - 1]?.name });
      await events.until(({ event, data }) => event === 'turn_started' && data.data.turn === turn);
      const { status, next_speaker } = (await me.get(path)).body;
      assert.deepEqual([status, next_speaker.kind], ['waiting', 'seat']);
      const seat = seats.find(({ id }) => id === next_speaker.participant_id) as Seat;
      const { fence } = (await claim(seat, path, turn)).body;
      const posted = await seat.client.post(`${path}/messages`, { content: `Turn ${turn}.`, turn, fence });
      assert.deepEqual([posted.status, posted.body.turn], [201, turn], JSON.stringify(posted.body));
    }
    await me.post(`${path}/cancel`);
    events.close();
  });
