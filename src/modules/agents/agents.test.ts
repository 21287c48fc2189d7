import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';
import { INSTANT } from '../models/index.ts';

let world: World;
let me: Member;
before(async () => {
  world = await createWorld({ app: { pace: INSTANT } });
  me = await world.signUp();
});
after(() => world.stop());

let names = 0;
const make = async (more: object = {}) => {
  const made = await me.post('/agents', { name: `agent-${++names}`, instructions: 'You doubt.', ...more });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body;
};

test('an agent is made with its defaults, read and listed', async () => {
  const made = await me.post('/agents', { name: 'critic', metadata: { team: 'red' } });
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('etag'), '"1"');
  const { id, created_at, updated_at, ...rest } = made.body;
  assert.deepEqual(rest, {
    name: 'critic',
    model: null,
    fallback_models: [],
    instructions: '',
    parameters: {},
    memory: {},
    metadata: { team: 'red' },
    status: 'active',
    version: 1,
  });
  assert.deepEqual((await me.get(`/agents/${id}`)).body, made.body);
  const listed = await me.get('/agents?q=crit');
  assert.deepEqual([listed.body.total, listed.body.items[0].id], [1, id]);
  await world.settle();
});

test('a name is unique in its tenant, also when two ask at once, and free in another', async () => {
  const both = await Promise.all([me.post('/agents', { name: 'twin' }), me.post('/agents', { name: 'twin' })]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
  assert.equal(both.find(({ status }) => status === 409)?.body.error.code, 'already_exists');
  const other = await world.signUp();
  assert.equal((await other.post('/agents', { name: 'twin' })).status, 201);
  const [a, b] = [await make(), await make()];
  const headers = { 'if-match': '"1"' };
  const renames = await Promise.all(
    [a, b].map(({ id }) => me.patch(`/agents/${id}`, { name: 'same-name' }, { headers })),
  );
  assert.deepEqual(renames.map(({ status }) => status).sort(), [200, 409]);
});

for (const [what, body] of Object.entries({
  'a name with capitals': { name: 'Critic' },
  'an empty name': { name: '' },
  'a model without a provider': { name: 'ok', model: 'gpt-5' },
  'an agent as its model': { name: 'ok', model: 'agent:critic' },
  'a temperature over 2': { name: 'ok', parameters: { temperature: 3 } },
  'an unknown parameter': { name: 'ok', parameters: { heat: 1 } },
  'a window of nothing': { name: 'ok', memory: { window: 0 } },
  'nested metadata': { name: 'ok', metadata: { a: { b: 1 } } },
  'an unknown field': { name: 'ok', colour: 'red' },
})) {
  test(`${what} is refused with the field named`, async () => {
    const { status, body: answer } = await me.post('/agents', body);
    assert.deepEqual([status, answer.error.code], [422, 'validation_failed']);
    assert.ok(answer.error.details.fields.length > 0);
  });
}

test('a change needs the newest version, and leaves alone what it does not name', async () => {
  const { id, name } = await make({ model: 'rehearsal', parameters: { seed: 7 } });
  assert.equal((await me.patch(`/agents/${id}`, { instructions: 'x' })).status, 428);
  const changed = await me.patch(`/agents/${id}`, { instructions: 'You agree.' }, { headers: { 'if-match': '"1"' } });
  assert.equal(changed.status, 200);
  assert.deepEqual(
    [changed.body.name, changed.body.model, changed.body.parameters, changed.body.version],
    [name, 'rehearsal', { seed: 7 }, 2],
  );
  const stale = await me.patch(`/agents/${id}`, { model: null }, { headers: { 'if-match': '"1"' } });
  assert.equal(stale.status, 412);
  const cleared = await me.patch(`/agents/${id}`, { model: null }, { headers: { 'if-match': '"2"' } });
  assert.equal(cleared.body.model, null);
});

test('archived, an agent is called no more; restored, it is', async () => {
  const { id, name } = await make();
  for (const _ of [1, 2]) assert.equal((await me.post(`/agents/${id}/archive`)).body.status, 'archived');
  assert.equal((await me.post(`/agents/${id}/invoke`, { input: 'Hello?' })).status, 409);
  assert.deepEqual((await me.get(`/agents?status=archived&q=${name}`)).body.total, 1);
  await assert.rejects(world.app.agents.byName(me.ctx, name), { code: 'model_not_found' });
  assert.equal((await me.post(`/agents/${id}/restore`)).body.status, 'active');
  assert.equal((await me.post(`/agents/${id}/invoke`, { input: 'Hello?' })).status, 200);
});

test('an agent that somebody holds is not deleted, and the answer says who holds it', async () => {
  const { id } = await make();
  const holder = 'discussions/0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11';
  await world.db.inTx(me.ctx, (tx) => world.app.agents.hold(tx, [id], holder));
  const refused = await me.delete(`/agents/${id}`);
  assert.deepEqual([refused.status, refused.body.error.code], [409, 'in_use']);
  assert.deepEqual(refused.body.error.details.holders, [holder]);
  await world.db.inTx(me.ctx, (tx) => world.app.agents.release(tx, holder));
  assert.equal((await me.delete(`/agents/${id}`)).status, 204);
  assert.equal((await me.get(`/agents/${id}`)).status, 404);
});

test('alone, an agent answers from its context and cites it', async () => {
  const { id } = await make();
  const text = 'The bridge over the river was closed in 1923. Its pillars were eaten by salt water.';
  const document = (await me.post('/documents', { title: 'Bridges', text })).body;
  const { status, body } = await me.post(`/agents/${id}/invoke`, {
    input: 'What happened to the bridge?',
    context: [{ document_id: document.id }, { title: 'Note', text: 'A ferry runs instead of the bridge since then.' }],
  });
  assert.equal(status, 200);
  assert.equal(body.rehearsal, true);
  assert.ok(body.citations.length > 0);
  for (const citation of body.citations) assert.ok(body.content.includes(citation.quote));
  assert.ok(body.usage.output_tokens > 0);
  const generation = (await me.get(`/generations/${body.generation_id}`)).body;
  assert.deepEqual([generation.status, generation.agent_id], ['succeeded', id]);
  const unknown = await me.post(`/agents/${id}/invoke`, { input: 'x', context: [{ document_id: id }] });
  assert.deepEqual([unknown.status, unknown.body.error.details.fields[0].field], [422, 'context.0.document_id']);
});

test('streamed, the pieces in order are the answer', async () => {
  const { id } = await make();
  const response = await me.open('POST', `/agents/${id}/stream`, {
    input: [{ role: 'user', content: 'Tea or coffee?' }],
  });
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  const frames = [...(await response.text()).matchAll(/event: (\w+)\ndata: (.*)/g)].map(([, event, data]) => ({
    event,
    data: JSON.parse(data as string),
  }));
  let text = '';
  for (const { event, data } of frames.slice(0, -1)) {
    assert.equal(event, 'delta');
    assert.equal(data.offset, text.length);
    text += data.text;
  }
  assert.equal(frames.at(-1)?.event, 'done');
  assert.equal(frames.at(-1)?.data.content, text);
});

test('a model that is not there is an error before the stream begins', async () => {
  const { id } = await make({ model: 'nowhere/model' });
  const { status, body } = await me.post(`/agents/${id}/stream`, { input: 'Hello?' });
  assert.deepEqual([status, body.error.code], [404, 'model_not_found']);
});

test('another tenant finds no agent of it', async () => {
  const { id } = await make();
  const other = await world.signUp();
  assert.equal((await other.get(`/agents/${id}`)).status, 404);
  assert.equal((await other.delete(`/agents/${id}`)).status, 404);
  assert.equal((await other.post(`/agents/${id}/archive`)).status, 404);
  assert.equal((await other.post(`/agents/${id}/invoke`, { input: 'x' })).status, 404);
  assert.equal((await other.post(`/agents/${id}/stream`, { input: 'x' })).status, 404);
  const headers = { 'if-match': '*' };
  assert.equal((await other.patch(`/agents/${id}`, { name: 'x' }, { headers })).status, 404);
});
