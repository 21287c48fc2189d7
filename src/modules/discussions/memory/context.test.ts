import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { follow, heard, makeAgents, stands } from '../../../../test/support/discussions.ts';
import { openaiProtocol } from '../../../../test/support/providers/openai.ts';
import { StandIn } from '../../../../test/support/providers/stand-in.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';
import type { Permission } from '../../../platform/auth/permissions.ts';
import type { TurnContext } from './schemas.ts';

let provider: StandIn;
let world: World;
let me: Member;
let agents: { id: string; name: string }[];
before(async () => {
  provider = await StandIn.start(openaiProtocol);
  world = await createWorld({ env: { OPENAI_COMPATIBLE_URL: provider.baseUrl } });
  me = await world.signUp();
  agents = await makeAgents(me, ['ada', 'ben'], 'local/gpt-5-mini');
});
after(async () => {
  await world.stop();
  await provider[Symbol.asyncDispose]();
});

async function begin(more: object = {}) {
  const participants = agents.map(({ id }) => ({ agent_id: id }));
  const limits = { max_turns: 3 };
  const { status, body } = await me.post('/discussions', { topic: 'Tea?', participants, limits, ...more });
  assert.equal(status, 201, JSON.stringify(body));
  const events = await follow(me, body.id, { lastEventId: body.cursor });
  return { id: body.id as string, path: `/discussions/${body.id}`, events };
}
const contextOf = async (path: string, turn: number): Promise<TurnContext> => {
  const { status, body } = await me.get(`${path}/turns/${turn}/context`);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
};
type Wire = { role: string; content: string };
/** What went over the socket in these requests, as the provider had it. */
const sent = (from: number): Wire[][] => provider.received.slice(from).map(({ body }) => body.messages as Wire[]);
/** The same from the account: this wire has no names, so they stand in front. */
const onWire = (context: TurnContext): Wire[] =>
  context.messages.map(({ role, name, content }) => ({ role, content: name ? `${name}: ${content}` : content }));

test('what was sent over the socket is what the context says afterwards, after every change to what it was made of', async () => {
  const before = provider.received.length;
  provider.script(
    { does: 'answer', pieces: ['Tea.'] },
    { does: 'answer', pieces: ['Coffee.'] },
    { does: 'answer', pieces: ['Both.'] },
  );
  const [ada] = await makeAgents(me, ['changing'], 'local/gpt-5-mini');
  const kept = (await me.post('/documents', { title: 'On "tea"', text: 'Leaves and\n\nwater. 😀' })).body;
  const { path, events } = await begin({
    participants: [{ agent_id: ada?.id }, { agent_id: agents[1]?.id }],
    context: [{ document_id: kept.id }, { title: 'Beans', text: 'Roasted.' }],
    limits: { max_turns: 3, max_tokens: 10_000 },
  });
  await events.until(stands);
  events.close();
  const match = { headers: { 'if-match': '*' } };
  const changed = await me.patch(`/agents/${ada?.id}`, { instructions: 'Be rude.', parameters: { seed: 1 } }, match);
  assert.equal(changed.status, 200, JSON.stringify(changed.body));
  assert.ok((await me.patch(`/documents/${kept.id}`, { text: 'Other words.' }, match)).status < 300);
  assert.ok((await me.delete(`/documents/${kept.id}`)).status < 300);

  const contexts = await Promise.all([1, 2, 3].map((turn) => contextOf(path, turn)));
  assert.deepEqual(contexts.map(onWire), sent(before));
  const [first, second, third] = contexts as [TurnContext, TurnContext, TurnContext];
  assert.deepEqual([first.turn, first.attempt, first.model], [1, 1, 'local/gpt-5-mini']);
  assert.match(first.messages[0]?.content ?? '', /😀\n<\/document>/);
  assert.equal(first.memory.window, null);
  assert.deepEqual(second.memory.window, { from_seq: 1, to_seq: 1 });
  assert.deepEqual(
    third.messages.map(({ role, name, seq }) => [role, name, seq]),
    [
      ['system', undefined, null],
      ['user', undefined, null],
      ['assistant', undefined, 1],
      ['user', 'ben', 2],
    ],
  );
  assert.deepEqual(
    third.documents.map(({ title, bytes }) => [title, bytes]),
    [
      ['On "tea"', 23],
      ['Beans', 8],
    ],
  );
  const maxTokens = sent(before).map((_, index) => {
    const { max_tokens, max_completion_tokens } = provider.received[before + index]?.body ?? {};
    return max_tokens ?? max_completion_tokens;
  });
  assert.deepEqual(
    contexts.map(({ parameters }) => parameters.max_tokens),
    maxTokens,
  );
  assert.ok(third.estimated_tokens > 10);
});

test('of a turn under way, and of one that was cut short, the context is there as well', async () => {
  const before = provider.received.length;
  provider.script({ does: 'hang_midway', pieces: ['Half a'] });
  const { path, events } = await begin();
  await heard(events, 'Half a');
  const during = await contextOf(path, 1);
  assert.deepEqual([onWire(during)], sent(before));
  await me.post(`${path}/cancel`);
  events.close();
  assert.deepEqual(await contextOf(path, 1), during);
});

test('a key that reads neither agents nor documents does not read them here', async () => {
  provider.script({ does: 'answer', pieces: ['Now.'] });
  const { path, events } = await begin({ limits: { max_turns: 1 } });
  await events.until(stands);
  events.close();
  const { tenantId, userId } = me;
  const read = async (scopes: Permission[]) => {
    const { key } = await world.app.access.createApiKey({ tenantId, userId, name: scopes.join(), scopes });
    const { status, body } = await world.as(key).get(`${path}/turns/1/context`);
    return [status, body.error?.code, body.error?.details?.permission];
  };
  const denied = (permission: Permission) => [403, 'permission_denied', permission];
  assert.deepEqual(await read(['discussions:read']), denied('agents:read'));
  assert.deepEqual(await read(['discussions:read', 'agents:read']), denied('documents:read'));
  assert.equal((await read(['discussions:read', 'agents:read', 'documents:read']))[0], 200);
});

test('an attempt that failed is replaced by the next; what was told to nobody is not found', async () => {
  const before = provider.received.length;
  provider.script({ does: 'refuse', why: 'wrong_key' }, { does: 'answer', pieces: ['Now.'] });
  const { path, events } = await begin({ limits: { max_turns: 1 } });
  await events.until((frame) => frame.event === 'discussion_paused');
  const failed = await contextOf(path, 1);
  await me.post(`${path}/messages`, { content: 'Try again.' });
  await me.post(`${path}/resume`);
  await events.until((frame) => frame.event === 'discussion_completed');
  events.close();
  const anew = await contextOf(path, 1);
  assert.deepEqual([failed.attempt, anew.attempt], [1, 2]);
  assert.deepEqual([onWire(failed), onWire(anew)], sent(before));
  assert.equal(anew.messages.at(-1)?.content, 'Try again.');

  const alone = (await me.post('/discussions', { topic: 'Me', participants: [{ user_id: me.userId }] })).body;
  for (const turn of [1, 2]) assert.equal((await me.get(`/discussions/${alone.id}/turns/${turn}/context`)).status, 404);
  assert.equal((await me.get(`${path}/turns/0/context`)).status, 422);
});
