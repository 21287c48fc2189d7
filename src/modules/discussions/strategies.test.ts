import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type Follower, type Frame, follow, heard, makeAgents, stands } from '../../../test/support/discussions.ts';
import { openaiProtocol } from '../../../test/support/providers/openai.ts';
import { StandIn } from '../../../test/support/providers/stand-in.ts';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';

/** `local/…` is the one that most speak with; `openai/…` is another one, whose prices are known. */
let provider: StandIn;
let other: StandIn;
let world: World;
let me: Member;
let agents: { id: string; name: string }[];
before(async () => {
  [provider, other] = await Promise.all([StandIn.start(openaiProtocol), StandIn.start(openaiProtocol)]);
  world = await createWorld({
    env: { OPENAI_COMPATIBLE_URL: provider.baseUrl, OPENAI_BASE_URL: other.baseUrl, OPENAI_API_KEY: 'sk-test' },
  });
});
// Each in a tenant of its own: what rests for one does not for another.
beforeEach(async () => {
  me = await world.signUp();
  agents = await makeAgents(me, ['ada', 'ben'], 'local/gpt-5-mini');
  other.script(answer('From the other.'));
});
after(async () => {
  await world.stop();
  await Promise.all([provider[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
});

async function begin(more: object = {}): Promise<{ id: string; path: string; events: Follower }> {
  const participants = agents.map(({ id }) => ({ agent_id: id }));
  const { status, body } = await me.post('/discussions', {
    topic: 'Tea?',
    participants,
    limits: { max_turns: 2 },
    ...more,
  });
  assert.equal(status, 201, JSON.stringify(body));
  return {
    id: body.id,
    path: `/discussions/${body.id}`,
    events: await follow(me, body.id, { lastEventId: body.cursor }),
  };
}

type Shown = { turn: number | null; author: { name: string }; content: string; metadata: Record<string, unknown> };
const said = async (path: string): Promise<Shown[]> => (await me.get(`${path}/messages`)).body.items;
const lines = async (path: string) => (await said(path)).map((m) => [m.author.name, m.content, m.turn]);
const turnsOf = async (path: string) => (await me.get(`${path}/turns`)).body.items;
const is = (event: string) => (frame: Frame) => frame.event === event;
const pausedFor = (reason: string) => (f: Frame) => f.event === 'discussion_paused' && f.data.data.reason === reason;
const started = (events: Follower) =>
  events.frames.filter(is('turn_started')).map(({ data: { data } }) => [data.turn, data.attempt, data.name]);
/** Starts anew with what the provider is to do, and answers which of its requests comes next. */
function script(...behaviours: Parameters<StandIn['script']>): number {
  provider.script(...behaviours);
  return provider.received.length + 1;
}
const slowly = (pieces: string[]) => ({ does: 'hang_midway' as const, pieces });
const answer = (...pieces: string[]) => ({ does: 'answer' as const, pieces });
const abandoned = async (request: number) => (await provider.asked(request)).abandoned;
const generationsOf = async (id: string) =>
  (await me.get(`/generations?discussion_id=${id}&limit=100`)).body.items.reverse();

test('rollback: the speaker stops at the provider, the words are dropped, and the same turn is begun anew', async () => {
  const request = script(slowly(['Tea is', ' nothing but']), answer('You ', 'are right.'), answer('So it is.'));
  const { id, path, events } = await begin({ on_post: 'rollback' });
  await heard(events, 'Tea is nothing but');
  const [posted] = await Promise.all([me.post(`${path}/messages`, { content: 'Say milk.' }), abandoned(request)]);
  assert.deepEqual([posted.status, posted.body.seq, posted.body.turn], [201, 1, null]);
  assert.equal(posted.body.next_speaker.name, 'ada', 'she keeps the turn');
  await events.until(stands);
  events.close();
  assert.deepEqual((await lines(path)).slice(1), [
    ['ada', 'You are right.', 1],
    ['ben', 'So it is.', 2],
  ]);
  assert.match(JSON.stringify(provider.received[request]?.body.messages), /Say milk\./, 'she has heard it');
  assert.doesNotMatch(JSON.stringify(provider.received[request]?.body.messages), /nothing but/);
  assert.deepEqual(started(events), [
    [1, 1, 'ada'],
    [1, 2, 'ada'],
    [2, 1, 'ben'],
  ]);
  assert.deepEqual(events.frames.find(is('turn_restarted'))?.data.attempt, 2);
  await world.settle();
  const generations = await generationsOf(id);
  assert.deepEqual(
    generations.map((g: { status: string }) => g.status),
    ['aborted', 'succeeded', 'succeeded'],
  );
  const sum = (field: string) =>
    generations.reduce((all: number, g: Record<string, number>) => all + (g[field] ?? 0), 0);
  const { usage } = (await me.get(path)).body;
  assert.ok(usage.output_tokens >= sum('output_tokens'), 'what was dropped was paid for');
  const turns = await turnsOf(path);
  assert.deepEqual(
    turns.map((t: { attempts: number; status: string }) => [t.attempts, t.status]),
    [
      [2, 'completed'],
      [1, 'completed'],
    ],
  );
});

test('rollback before the first word, and of an attempt that waits to be tried again', async () => {
  const request = script(
    { does: 'hang_before_headers' },
    { does: 'cut', pieces: ['Half'] },
    answer('Now.'),
    answer('B.'),
  );
  const { path, events } = await begin({ on_post: 'rollback' });
  await provider.asked(request);
  await Promise.all([me.post(`${path}/messages`, { content: 'One.' }), abandoned(request)]);
  await events.until(is('turn_failed'));
  await me.post(`${path}/messages`, { content: 'Two.' });
  await events.until(stands);
  events.close();
  assert.deepEqual(
    (await lines(path)).map(([, content, turn]) => [content, turn]),
    [
      ['One.', null],
      ['Two.', null],
      ['Now.', 1],
      ['B.', 2],
    ],
  );
  assert.deepEqual(started(events).slice(0, 3), [
    [1, 1, 'ada'],
    [1, 2, 'ada'],
    [1, 3, 'ada'],
  ]);
});

test('rollback while a moderator is asked: it is asked anew, and has heard the message', async () => {
  const [chair] = await makeAgents(me, ['chair'], 'local/gpt-5-mini');
  const request = script({ does: 'hang_before_headers' }, answer('ben'), answer('Ben speaks.'));
  const policy = { type: 'moderator', agent_id: chair?.id };
  const { path, events } = await begin({ on_post: 'rollback', policy, limits: { max_turns: 1 } });
  await provider.asked(request);
  const [posted] = await Promise.all([me.post(`${path}/messages`, { content: 'Let Ben speak.' }), abandoned(request)]);
  assert.equal(posted.body.next_speaker, null);
  await events.until(stands);
  events.close();
  assert.match(JSON.stringify(provider.received[request]?.body.messages), /Let Ben speak\./);
  assert.deepEqual((await lines(path))[1], ['ben', 'Ben speaks.', 1]);
});

test('rollback where the words that were dropped used up a limit: it ends, and the turn is closed', async () => {
  const said = 'So many words that they are more than was allowed for all of it';
  script(slowly([said]));
  const { path, events } = await begin({ on_post: 'rollback', limits: { max_turns: 5, max_tokens: 10 } });
  await heard(events, said);
  const posted = await me.post(`${path}/messages`, { content: 'Again.' });
  assert.deepEqual([posted.status, posted.body.next_speaker], [201, null]);
  await events.until(is('discussion_completed'));
  events.close();
  const ended = (await me.get(path)).body;
  assert.deepEqual([ended.status, ended.status_reason], ['completed', 'max_tokens']);
  const [turn] = await turnsOf(path);
  assert.deepEqual([turn.status, turn.message_id], ['cancelled', null]);
  assert.ok(turn.ended_at !== null);
});

test('reject: no message while an agent speaks, and it is told who does; the turn goes on', async () => {
  script(slowly(['On and on']), answer('At last.'));
  const { path, events } = await begin({ on_post: 'reject' });
  await heard(events, 'On and on');
  const refused = await me.post(`${path}/messages`, { content: 'May I?' });
  assert.deepEqual([refused.status, refused.body.error.code], [409, 'conflict']);
  assert.equal(refused.body.error.details.turn, 1);
  assert.equal(refused.body.error.details.speaker.name, 'ada');
  await me.post(`${path}/advance`);
  await events.until(stands);
  events.close();
  assert.deepEqual(await lines(path), [
    ['ada', 'On and on', 1],
    ['ben', 'At last.', 2],
  ]);
});

test('reject while a moderator is asked; and never whoever has the turn, or while a person is waited for', async () => {
  const request = script({ does: 'hang_before_headers' });
  const asked = await begin({ on_post: 'reject', policy: { type: 'moderator', model: 'local/gpt-5-mini' } });
  await provider.asked(request);
  const refused = await me.post(`${asked.path}/messages`, { content: 'Me!' });
  assert.deepEqual([refused.status, refused.body.error.details.speaker], [409, null]);
  await me.post(`${asked.path}/cancel`);
  asked.events.close();

  script(answer('Yours.'));
  const [ada] = agents;
  const participants = [{ user_id: me.userId }, { agent_id: ada?.id }];
  const { path, events } = await begin({ on_post: 'reject', participants });
  const key = await world.apiKey(me, ['operator']);
  assert.equal((await key.post(`${path}/messages`, { content: 'From outside.' })).status, 201);
  const mine = await me.post(`${path}/messages`, { content: 'Mine.' });
  assert.deepEqual([mine.status, mine.body.turn], [201, 1]);
  await events.until(stands);
  events.close();
});

test('paused for its cost, it tells what it needs; less is refused, enough is one more turn', async () => {
  const [priced] = await makeAgents(me, ['priced'], 'openai/gpt-5-mini');
  other.script({ ...answer('Dear.'), usage: { input: 1_000, output: 1_000 } });
  const participants = [{ agent_id: priced?.id }];
  const { id, path, events } = await begin({ participants, limits: { max_turns: 50, max_cost_usd: 0.000_000_001 } });
  await events.until(pausedFor('max_cost_usd'));
  const paused = (await me.get(path)).body;
  const cost = paused.usage.cost_nano_usd;
  assert.deepEqual([paused.status, paused.status_reason, paused.turn], ['paused', 'max_cost_usd', 2]);
  assert.equal(paused.next_speaker.name, 'priced', 'who would go on');
  assert.deepEqual(paused.needs, { max_cost_usd: (2 * cost) / 1e9 });
  assert.equal(
    (await me.get('/discussions?status=paused')).body.items[0].needs.max_cost_usd,
    paused.needs.max_cost_usd,
  );

  const bare = await me.post(`${path}/resume`);
  assert.deepEqual([bare.status, bare.body.error.code], [409, 'conflict']);
  assert.deepEqual(bare.body.error.details, { needs: paused.needs });
  assert.match(bare.body.error.message, new RegExp(`${paused.needs.max_cost_usd}`));
  const another = await me.post(`${path}/resume`, { limits: { max_turns: 60 } });
  assert.equal(another.status, 409, 'another limit does not help');
  const little = await me.post(`${path}/resume`, { limits: { max_cost_usd: (2 * cost - 1) / 1e9 } });
  assert.equal(little.status, 409);
  const kept = (await me.get(path)).body;
  assert.deepEqual([kept.limits, kept.version], [paused.limits, paused.version], 'refused, nothing has changed');
  for (const limits of [{ max_cost_usd: 0 }, { max_cost_usd: 1, more: 1 }, { max_turns: 0 }])
    assert.equal((await me.post(`${path}/resume`, { limits })).status, 422);

  const resumed = await me.post(`${path}/resume`, { limits: paused.needs });
  assert.deepEqual([resumed.status, resumed.body.status, resumed.body.needs], [200, 'running', null]);
  assert.equal(resumed.body.limits.max_cost_usd, paused.needs.max_cost_usd);
  assert.equal(resumed.body.limits.max_turns, 50);
  await events.until((f) => pausedFor('max_cost_usd')(f) && events.frames.filter(is('message_posted')).length === 2);
  const again = (await me.get(path)).body;
  assert.deepEqual([again.usage.turns, again.needs.max_cost_usd], [2, (3 * cost) / 1e9]);
  const { body: fork } = await me.post(`${path}/fork`, { seq: 2, limits: { max_cost_usd: 0.000_000_001 } });
  assert.equal(fork.limits.max_turns, 50);
  const forked = await follow(me, fork.id, { lastEventId: fork.cursor });
  await forked.until(pausedFor('max_cost_usd'));
  forked.close();
  const { needs, usage } = (await me.get(`/discussions/${fork.id}`)).body;
  assert.deepEqual([usage.cost_nano_usd, needs.max_cost_usd], [cost, (2 * cost) / 1e9], 'what was had here counts');
  const cancelled = await me.post(`${path}/cancel`);
  assert.deepEqual([cancelled.body.status, cancelled.body.needs], ['cancelled', null]);
  events.close();
  assert.equal((await generationsOf(id)).length, 2);
});

test('a cost limit below what was spent is refused while it stands, and says what is needed', async () => {
  const [priced] = await makeAgents(me, ['priced'], 'openai/gpt-5-mini');
  other.script({ ...answer('Dear.'), usage: { input: 1_000, output: 1_000 } }, slowly(['Wait']));
  const { path, events } = await begin({ participants: [{ agent_id: priced?.id }], limits: { max_cost_usd: 1 } });
  await heard(events, 'Wait');
  await me.post(`${path}/pause`);
  const refused = await me.post(`${path}/resume`, { limits: { max_cost_usd: 0.000_000_001 } });
  assert.deepEqual([refused.status, refused.body.error.code], [409, 'conflict']);
  assert.ok(refused.body.error.details.needs.max_cost_usd > 0.000_000_001, JSON.stringify(refused.body));
  assert.equal((await me.get(path)).body.limits.max_cost_usd, 1, 'refused, nothing has changed');
  events.close();
});

test('paused for its cost in the middle of a turn and cancelled, it leaves no turn open', async () => {
  const [priced] = await makeAgents(me, ['priced'], 'openai/gpt-5-mini');
  const request = other.received.length + 1;
  other.script(slowly(['Now']));
  const limits = { max_cost_usd: 0.000_000_001 };
  const { path, events } = await begin({ participants: [{ agent_id: priced?.id }], on_post: 'rollback', limits });
  await heard(events, 'Now');
  await me.post(`${path}/messages`, { content: 'Once.' });
  // What the first attempt cost is known a moment after it was stopped.
  await other.asked(request + 1);
  while ((await me.get(path)).body.usage.cost_nano_usd === 0);
  await me.post(`${path}/messages`, { content: 'Twice.' });
  assert.equal((await me.get(path)).body.status_reason, 'max_cost_usd');
  assert.equal((await turnsOf(path))[0].status, 'paused');
  await me.post(`${path}/cancel`);
  const [turn] = await turnsOf(path);
  assert.equal(turn.status, 'cancelled');
  assert.ok(turn.ended_at);
  events.close();
});

test('a limit that ends a discussion is stronger than the cost that pauses it', async () => {
  const [priced] = await makeAgents(me, ['priced'], 'openai/gpt-5-mini');
  const limits = { max_turns: 1, max_cost_usd: 0.000_000_001 };
  const { path, events } = await begin({ participants: [{ agent_id: priced?.id }], limits });
  await events.until(stands);
  events.close();
  assert.deepEqual((await me.get(path)).body.status_reason, 'max_turns');
});

test('limits can be changed where it stands, not while it goes on; the same again is fine', async () => {
  const request = script(slowly(['Wait']), answer('One.'), answer('Two.'), answer('Three.'));
  const { path, events } = await begin();
  await provider.asked(request);
  assert.equal((await me.post(`${path}/resume`, { limits: { max_turns: 2 } })).status, 200, 'as they are');
  const running = await me.post(`${path}/resume`, { limits: { max_turns: 3 } });
  assert.deepEqual([running.status, running.body.error.code], [409, 'conflict']);
  await me.post(`${path}/pause`);
  const resumed = await me.post(`${path}/resume`, { limits: { max_turns: 3 } });
  assert.deepEqual([resumed.status, resumed.body.limits.max_turns], [200, 3]);
  await events.until(is('discussion_completed'));
  events.close();
  assert.equal((await said(path)).length, 3);

  const made = await begin({ start: false });
  const begun = await me.post(`${made.path}/resume`, { limits: { max_turns: 1 } });
  assert.deepEqual([begun.status, begun.body.limits.max_turns], [200, 1]);
  await made.events.until(is('discussion_completed'));
  made.events.close();
});

test('an agent’s other models take the place of one that cannot be had; message and generations say so', async () => {
  const [ada] = await makeAgents(me, ['eve']);
  const changed = await me.patch(
    `/agents/${ada?.id}`,
    { model: 'local/gpt-5-mini', fallback_models: ['acme/nope', 'openai/gpt-5-mini'] },
    { headers: { 'if-match': '"1"' } },
  );
  assert.deepEqual([changed.status, changed.body.fallback_models], [200, ['acme/nope', 'openai/gpt-5-mini']]);
  script({ does: 'refuse', why: 'broken', headers: { 'retry-after-ms': '1' } });
  const { id, path, events } = await begin({ participants: [{ agent_id: ada?.id }], limits: { max_turns: 1 } });
  await events.until(stands);
  events.close();
  const [message] = await said(path);
  assert.equal(message?.content, 'From the other.');
  assert.equal(message?.metadata.model, 'openai/gpt-5-mini');
  assert.deepEqual(message?.metadata.fallbacks, [
    { model: 'local/gpt-5-mini', code: 'model_unavailable' },
    { model: 'acme/nope', code: 'model_not_found' },
  ]);
  const generations = await generationsOf(id);
  assert.deepEqual(
    generations.map((g: Record<string, unknown>) => [g.model, g.status, g.error_code, g.turn]),
    [
      ['local/gpt-5-mini', 'failed', 'model_unavailable', 1],
      ['openai/gpt-5-mini', 'succeeded', null, 1],
    ],
  );
  assert.equal(message?.metadata.generation_id, generations[1].id);
  const { usage } = (await me.get(path)).body;
  assert.equal(usage.cost_nano_usd, generations[1].cost_nano_usd, 'what it cost is what they cost');
  assert.deepEqual((await turnsOf(path))[0].attempts, 1, 'one attempt at the turn');

  const alone = await me.post(`/agents/${ada?.id}/invoke`, { input: 'And alone?' });
  assert.deepEqual([alone.status, alone.body.model, alone.body.fallbacks.length], [200, 'openai/gpt-5-mini', 2]);
  const streamed = await me.open('POST', `/agents/${ada?.id}/stream`, { input: 'And streamed?' });
  assert.match(await streamed.text(), /event: done\ndata: .*"fallbacks":\[\{"model":"local\/gpt-5-mini"/);
});

test('a model that hangs is cut so that the next one still speaks within the turn’s time', async () => {
  const [slow] = await makeAgents(me, ['slow'], 'local/gpt-5-mini');
  await me.patch(`/agents/${slow?.id}`, { fallback_models: ['openai/gpt-5-mini'] }, { headers: { 'if-match': '*' } });
  const request = script({ does: 'hang_before_headers' });
  const limits = { max_turns: 1, turn_timeout_seconds: 4 };
  const { path, events } = await begin({ participants: [{ agent_id: slow?.id }], limits });
  await events.until(stands);
  events.close();
  await abandoned(request);
  const [message] = await said(path);
  assert.deepEqual(
    [message?.content, message?.metadata.fallbacks],
    ['From the other.', [{ model: 'local/gpt-5-mini', code: 'model_timeout' }]],
  );
});

for (const [on_turn_failure, status] of [
  ['pause', 'paused'],
  ['skip', 'failed'],
] as const) {
  test(`when no model can be had, the discussion does what it was told: ${on_turn_failure}`, async () => {
    const [poor] = await makeAgents(me, ['poor'], 'local/gpt-5-mini');
    await me.patch(`/agents/${poor?.id}`, { fallback_models: ['openai/gpt-5-mini'] }, { headers: { 'if-match': '*' } });
    script({ does: 'refuse', why: 'wrong_key' });
    other.script({ does: 'refuse', why: 'out_of_funds' });
    const limits = { max_turns: 50 };
    const { path, events } = await begin({ participants: [{ agent_id: poor?.id }], limits, on_turn_failure });
    await events.until(stands);
    events.close();
    assert.equal((await me.get(path)).body.status, status);
    const [turn] = await turnsOf(path);
    assert.equal(turn.error.code, 'model_rate_limited');
    assert.match(turn.error.message, /Before it: local\/gpt-5-mini \(model_authentication\)\.$/);
  });
}
