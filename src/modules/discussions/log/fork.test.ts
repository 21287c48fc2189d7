import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { follow, makeAgents } from '../../../../test/support/discussions.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';
import { EMPTY, fold } from '../rules/fold.ts';
import { findDiscussion } from '../store.ts';
import { facts } from './store.ts';

let world: World;
let me: Member;
let agents: { id: string; name: string }[];
before(async () => {
  world = await createWorld();
  me = await world.signUp();
  agents = await makeAgents(me, ['ada', 'ben']);
});
after(() => world.stop());

type Shown = {
  id: string;
  seq: number;
  turn: number | null;
  author: { name: string };
  content: string;
  metadata: object;
};
type Made = { readonly id: string; readonly path: string };

/** A discussion of both agents, as far as it goes by itself. */
async function discussion(more: object = {}): Promise<Made> {
  const participants = agents.map(({ id }) => ({ agent_id: id }));
  const asked = { topic: 'Tea or coffee?', participants, limits: { max_turns: 4 }, ...more };
  const { status, body } = await me.post('/discussions', asked);
  assert.equal(status, 201, JSON.stringify(body));
  await world.settle();
  return { id: body.id, path: `/discussions/${body.id}` };
}
/** A fork that only stands there. */
async function fork({ path }: Made, body: object): Promise<Made> {
  const answer = await me.post(`${path}/fork`, { start: false, ...body });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return { id: answer.body.id, path: `/discussions/${answer.body.id}` };
}
const said = async ({ path }: Made): Promise<Shown[]> => (await me.get(`${path}/messages?limit=100`)).body.items;
const bare = (messages: Shown[]) => messages.map(({ id: _id, ...rest }) => rest);
const reader = () => world.db.reader(me.ctx);
const log = ({ id }: Made) => facts(reader(), id);
async function stateOf({ id }: Made) {
  const row = await findDiscussion(reader(), id);
  assert.ok(row);
  return row.state;
}

test('a fork has the log up to the message, and folding it gives what folding that part of the original gives', async () => {
  const original = await discussion({ policy: { type: 'vote' } });
  const [messages, whole] = [await said(original), await log(original)];
  assert.equal(messages.length, 4);
  assert.ok(whole.length > 4, 'ballots are entries too');
  for (const { seq } of messages.slice(0, 3)) {
    const forked = await fork(original, { seq });
    const copied = await said(forked);
    assert.deepEqual(bare(copied), bare(messages.slice(0, seq)));
    assert.ok(copied.every(({ id }, index) => id !== messages[index]?.id));
    const part = await log(forked);
    assert.deepEqual(part, whole.slice(0, part.length));
    assert.deepEqual(await stateOf(forked), part.reduce(fold, EMPTY));
  }
});

test('a fork says where it is from, counts anew, and shows the turns that it took over', async () => {
  const original = await discussion();
  const before = (await me.get(original.path)).body;
  const { status, body } = await me.post(`${original.path}/fork`, { seq: 2, start: false });
  assert.equal(status, 201, JSON.stringify(body));
  assert.deepEqual(body.forked_from, { discussion_id: original.id, seq: 2 });
  assert.deepEqual(body.participants, before.participants);
  assert.deepEqual(
    [body.topic, body.policy, body.limits, body.status],
    [before.topic, before.policy, before.limits, 'created'],
  );
  assert.deepEqual(body.usage, { turns: 2, input_tokens: 0, output_tokens: 0, cost_nano_usd: 0, elapsed_seconds: 0 });
  assert.deepEqual([body.turn, body.messages, body.next_speaker.name], [3, 2, 'ada']);
  const turns = (await me.get(`/discussions/${body.id}/turns`)).body.items;
  const messages = await said({ id: body.id, path: `/discussions/${body.id}` });
  assert.deepEqual(
    turns.map((turn: { turn: number; message_id: string }) => [turn.turn, turn.message_id]),
    messages.map(({ id, turn }) => [turn, id]),
  );
  assert.equal((await me.get(original.path)).body.version, before.version, 'the original is as it was');
});

test('a fork goes on from there by itself, and so does the original', async () => {
  const original = await discussion();
  const { body } = await me.post(`${original.path}/fork`, { seq: 2, topic: 'Tea, then?', limits: { max_turns: 5 } });
  await world.settle();
  const after = (await me.get(`/discussions/${body.id}`)).body;
  assert.deepEqual(
    [after.status, after.status_reason, after.messages, after.topic],
    ['completed', 'max_turns', 5, 'Tea, then?'],
  );
  assert.ok(after.usage.output_tokens > 0);
  assert.equal((await said(original)).length, 4);
});

test('a fork of a fork', async () => {
  const original = await discussion();
  const first = await fork(original, { seq: 3 });
  const second = await fork(first, { seq: 2 });
  assert.deepEqual((await me.get(second.path)).body.forked_from, { discussion_id: first.id, seq: 2 });
  assert.deepEqual(bare(await said(second)), bare((await said(original)).slice(0, 2)));
  assert.deepEqual(await stateOf(second), (await log(second)).reduce(fold, EMPTY));
});

test('another policy hears what was said as if it had been its own from the beginning', async () => {
  const participants = [{ agent_id: agents[0]?.id }, { agent_id: agents[1]?.id }, { user_id: me.userId }];
  const original = await discussion({ participants, start: false });
  await me.post(`${original.path}/messages`, { content: 'First things first.' });
  await me.post(`${original.path}/messages`, { content: 'What do you say, @ben?' });
  assert.equal((await me.get(original.path)).body.next_speaker.name, 'ada');
  const forked = await fork(original, { seq: 2, policy: { type: 'mention' } });
  assert.equal((await me.get(forked.path)).body.next_speaker.name, 'ben');
  assert.deepEqual(await stateOf(forked), (await log(forked)).reduce(fold, EMPTY));
  const back = await fork(forked, { seq: 2, policy: { type: 'round_robin' } });
  assert.deepEqual(bare(await said(back)), bare(await said(original)));
});

test('a fork of what its policy has brought to an end is over at once, or when it is begun', async () => {
  const policy = { type: 'graph', edges: [{ from: 'ada', to: 'ben' }] };
  const original = await discussion({ policy });
  const over = await me.post(`${original.path}/fork`, { seq: 2 });
  const { status, status_reason, started_at, ended_at } = over.body;
  assert.deepEqual([over.status, status, status_reason], [201, 'completed', 'end_of_graph'], JSON.stringify(over.body));
  assert.equal(started_at, ended_at);
  const standing = await fork(original, { seq: 2 });
  const begun = await me.post(`${standing.path}/resume`);
  assert.deepEqual([begun.status, begun.body.status, begun.body.status_reason], [200, 'completed', 'end_of_graph']);
  const limited = await fork(original, { seq: 1 });
  const reached = await me.post(`${limited.path}/resume`, { limits: { max_turns: 1 } });
  assert.deepEqual([reached.status, reached.body.status, reached.body.status_reason], [200, 'completed', 'max_turns']);
});

test('what cannot be forked says why', async () => {
  const original = await discussion();
  const refused = async (body: object, status: number) => {
    const answer = await me.post(`${original.path}/fork`, body);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    return answer.body.error;
  };
  assert.equal((await refused({ seq: 5 }, 422)).details.fields[0].field, 'seq');
  assert.equal((await refused({ seq: 0 }, 422)).details.fields[0].field, 'seq');
  assert.equal((await refused({}, 422)).details.fields[0].field, 'seq');
  assert.deepEqual(
    (await refused({ seq: 4 }, 422)).details.fields.map((f: { field: string; rule: string }) => [f.field, f.rule]),
    [['limits.max_turns', 'reached']],
  );
  const unknown = await refused({ seq: 1, policy: { type: 'round_robin', order: ['nobody'] } }, 422);
  assert.equal(unknown.details.fields[0].field, 'policy.order.0');
  const nowhere = await me.post('/discussions/01920000-0000-7000-8000-000000000000/fork', { seq: 1 });
  assert.equal(nowhere.status, 404);
});

test('an archived or deleted agent is named; a deleted document is left out; who has left stays a participant', async () => {
  const [cleo, dora] = await makeAgents(me, ['cleo', 'dora']);
  const kept = (await me.post('/documents', { title: 'Kept', text: 'Tea is hot.' })).body;
  const gone = (await me.post('/documents', { title: 'Gone', text: 'Coffee is cold.' })).body;
  const other = await invite();
  const original = await discussion({
    participants: [{ agent_id: cleo?.id }, { agent_id: dora?.id }, { user_id: other }],
    context: [{ document_id: kept.id }, { document_id: gone.id }],
    limits: { max_turns: 2 },
  });
  assert.equal((await me.delete(`/users/${other}`)).status, 204);
  const version = { headers: { 'if-match': '*' } };
  assert.equal((await me.delete(`/documents/${gone.id}`, version)).status, 204);
  const forked = (await me.get((await fork(original, { seq: 1 })).path)).body;
  assert.deepEqual(
    forked.context.map(({ title }: { title: string }) => title),
    ['Kept'],
  );
  assert.equal(forked.participants[2].user_id, other);

  await me.post(`/agents/${cleo?.id}/archive`);
  const archived = await me.post(`${original.path}/fork`, { seq: 1 });
  assert.equal(archived.status, 409);
  assert.deepEqual(archived.body.error.details, { agents: [{ agent_id: cleo?.id, name: 'cleo' }] });
  assert.match(archived.body.error.message, /cleo/);
});

/** Somebody else of this tenant. */
async function invite(): Promise<string> {
  const email = `${Date.now()}@example.com`;
  const { body } = await me.post('/invitations', { email, roles: ['viewer'] });
  const joined = { token: body.token, name: 'Eve', password: 'a long enough password' };
  return (await world.anonymous.post('/auth/invitations/accept', joined)).body.user.id;
}

test('forks made while turns go on have whole turns, and none of the two logs has a hole', async () => {
  const participants = agents.map(({ id }) => ({ agent_id: id }));
  const { body } = await me.post('/discussions', { topic: 'On and on', participants, limits: { max_turns: 30 } });
  const original = { id: body.id, path: `/discussions/${body.id}` };
  const events = await follow(me, original.id, { lastEventId: body.cursor });
  const forks: Made[] = [];
  for (let seq = 1; seq <= 28; seq += 3) {
    await events.until(({ event, data }) => event === 'message_posted' && data.data.seq === seq);
    forks.push(await fork(original, { seq, limits: { max_turns: 50 } }));
  }
  events.close();
  await world.settle();
  const whole = await log(original);
  for (const forked of forks) {
    const part = await log(forked);
    assert.deepEqual(part, whole.slice(0, part.length));
    assert.deepEqual(await stateOf(forked), part.reduce(fold, EMPTY));
  }
  const holes = await world.db.system.all<{ id: string }>(sql`
    select discussion_id as id from discussion_entries group by discussion_id having count(*) <> max(entry)`);
  assert.deepEqual(holes, []);
});
