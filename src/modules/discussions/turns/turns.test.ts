import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type Follower, type Frame, follow, heard, makeAgents, stands } from '../../../../test/support/discussions.ts';
import { openaiProtocol } from '../../../../test/support/providers/openai.ts';
import { StandIn } from '../../../../test/support/providers/stand-in.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';
import { lockDiscussion } from '../store.ts';
import { findPartial, saveKept } from './store.ts';

let provider: StandIn;
let world: World;
let me: Member;
let agents: { id: string; name: string }[];
before(async () => {
  provider = await StandIn.start(openaiProtocol);
  const { baseUrl } = provider;
  world = await createWorld({
    env: { OPENAI_COMPATIBLE_URL: baseUrl, OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: 'sk-test' },
  });
  me = await world.signUp();
  agents = await makeAgents(me, ['ada', 'ben'], 'local/gpt-5-mini');
});
after(async () => {
  await world.stop();
  await provider[Symbol.asyncDispose]();
});

/** A discussion of both agents, and its events from the first on. */
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

type Shown = {
  seq: number;
  turn: number | null;
  author: { name: string };
  content: string;
  metadata: { finish_reason?: string };
};
const said = async (path: string): Promise<Shown[]> => (await me.get(`${path}/messages`)).body.items;
const lines = async (path: string) => (await said(path)).map((m) => `${m.author.name}: ${m.content}`);
const is = (event: string) => (frame: Frame) => frame.event === event;
/** Starts anew with what the provider is to do, and answers which of its requests comes next. */
function script(...behaviours: Parameters<StandIn['script']>): number {
  provider.script(...behaviours);
  return provider.received.length + 1;
}
const slowly = (pieces: string[]) => ({ does: 'hang_midway' as const, pieces });
const answer = (...pieces: string[]) => ({ does: 'answer' as const, pieces });
/** Until the provider notices that nobody listens any more; it would wait for ever. */
const abandoned = async (request: number) => (await provider.asked(request)).abandoned;

test('deltas in order are the message; who joins in the middle is shown what was said so far', async () => {
  script(slowly(['Tea ', 'is ', 'good']), answer('x'));
  const { path, id, events } = await begin({ limits: { max_turns: 1 } });
  await heard(events, 'Tea is good');
  let length = events.frames.find(is('turn_snapshot'))?.data.text.length ?? 0;
  for (const { data } of events.frames.filter(is('message_delta'))) {
    assert.deepEqual([data.offset, data.turn, data.attempt], [length, 1, 1], 'no hole and no repeat');
    length += data.text.length;
  }
  const late = await follow(me, id);
  const snapshot = await late.until(is('turn_snapshot'));
  assert.equal(snapshot.data.text, 'Tea is good');
  assert.deepEqual([snapshot.data.turn, snapshot.data.attempt, snapshot.id], [1, 1, undefined]);
  late.close();
  await me.post(`${path}/cancel`);
  events.close();
});

test('enqueue: a message while somebody speaks is added at once, and the turn goes on', async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const request = script({ ...answer('Tea', ' it', ' is.'), mayEnd }, answer('Coffee.'));
  const { path, events } = await begin();
  await provider.asked(request);
  const posted = await me.post(`${path}/messages`, { content: 'And milk?' });
  end();
  assert.deepEqual([posted.status, posted.body.seq, posted.body.turn], [201, 1, null]);
  assert.equal(posted.body.next_speaker.name, 'ada', 'she still has the turn');
  await events.until(stands);
  events.close();
  const [name] = (await said(path)).map((m) => m.author.name);
  assert.deepEqual(await lines(path), [`${name}: And milk?`, 'ada: Tea it is.', 'ben: Coffee.']);
  const prompt = provider.received.at(-1)?.body.messages as { role: string; content: string }[];
  assert.match(JSON.stringify(prompt), /And milk\?/, 'the next speaker has heard it');
});

test('interrupt: the speaker stops at the provider, what was said is kept, and the next one answers the message', async () => {
  const request = script(slowly(['Tea is', ' nothing but']), answer('You are right.'));
  const { path, events } = await begin({ on_post: 'interrupt' });
  await heard(events, 'Tea is nothing but');
  const [posted] = await Promise.all([me.post(`${path}/messages`, { content: 'Stop!' }), abandoned(request)]);
  assert.deepEqual([posted.status, posted.body.seq, posted.body.next_speaker.name], [201, 2, 'ben']);
  await events.until(stands);
  events.close();
  const messages = await said(path);
  assert.deepEqual(
    messages.map((m) => m.content),
    ['Tea is nothing but', 'Stop!', 'You are right.'],
  );
  assert.deepEqual(
    messages.map((m) => m.metadata.finish_reason),
    ['interrupted', undefined, 'stop'],
  );
  assert.deepEqual(
    messages.map((m) => m.turn),
    [1, null, 2],
  );
  const turns = (await me.get(`${path}/turns`)).body.items;
  assert.deepEqual(
    turns.map((t: { status: string }) => t.status),
    ['interrupted', 'completed'],
  );
});

test('interrupted before the first word, a speaker says nothing and keeps the place in the order', async () => {
  const request = script({ does: 'hang_before_headers' }, answer('Now.'));
  const { path, events } = await begin({ on_post: 'interrupt' });
  await provider.asked(request);
  const posted = await me.post(`${path}/messages`, { content: 'Wait.' });
  assert.equal(posted.body.next_speaker.name, 'ada');
  await events.until(stands);
  events.close();
  assert.deepEqual(
    (await said(path)).map((m) => [m.content, m.turn]),
    [
      ['Wait.', null],
      ['Now.', 2],
    ],
  );
  assert.ok(events.frames.some((f) => f.event === 'turn_skipped' && f.data.data.reason === 'interrupted'));
});

test('pause cuts the speaker off at the provider; resume begins the turn anew; one message is written', async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const request = script(slowly(['Half a']), { ...answer('A whole', ' answer.'), mayEnd }, answer('Fine.'));
  const { path, events } = await begin();
  await heard(events, 'Half a');
  const [paused] = await Promise.all([me.post(`${path}/pause`), abandoned(request)]);
  assert.deepEqual([paused.body.status, paused.body.status_reason, paused.body.turn], ['paused', 'requested', 1]);
  assert.equal((await me.post(`${path}/pause`)).status, 200, 'twice is fine');
  assert.deepEqual(await said(path), []);
  const elapsed = paused.body.usage.elapsed_seconds;
  assert.equal((await me.get(path)).body.usage.elapsed_seconds, elapsed, 'time stands still');
  await me.post(`${path}/resume`);
  assert.equal((await me.post(`${path}/resume`)).status, 200);
  end();
  await events.until((f) => f.event === 'discussion_completed');
  events.close();
  assert.deepEqual(await lines(path), ['ada: A whole answer.', 'ben: Fine.']);
  const started = events.frames.filter(is('turn_started')).map((f) => [f.data.data.turn, f.data.data.attempt]);
  assert.deepEqual(started, [
    [1, 1],
    [1, 2],
    [2, 1],
  ]);
  const restarted = events.frames.find(is('turn_restarted'));
  assert.deepEqual(restarted?.data.attempt, 2);
});

test('cancel reaches the provider, keeps what was said, and ends it for good', async () => {
  const request = script(slowly(['Unfinished']));
  const { path, events } = await begin();
  await heard(events, 'Unfinished');
  const [cancelled] = await Promise.all([me.post(`${path}/cancel`), abandoned(request)]);
  assert.equal(cancelled.body.status, 'cancelled');
  await events.until(is('discussion_cancelled'));
  events.close();
  assert.deepEqual(
    (await said(path)).map((m) => [m.content, m.metadata.finish_reason]),
    [['Unfinished', 'interrupted']],
  );
  assert.equal(provider.received.length, request, 'nobody was asked after that');
});

test('advance ends the speaker’s turn where it stands, once', async () => {
  script(slowly(['On and on']), answer('At last.'));
  const { path, events } = await begin();
  await heard(events, 'On and on');
  const [one, two] = await Promise.all([me.post(`${path}/advance?turn=1`), me.post(`${path}/advance?turn=1`)]);
  assert.deepEqual([one.status, two.status].sort(), [200, 409]);
  await events.until(stands);
  events.close();
  assert.deepEqual(await lines(path), ['ada: On and on', 'ben: At last.']);
});

test('a provider that breaks off in the middle is asked again, and its half answer is not kept', async () => {
  script({ does: 'cut', pieces: ['Half'] }, answer('Whole.'), answer('Yes.'));
  const { path, events } = await begin({ start: false });
  // That it begins anew is told to those who are there.
  await me.post(`${path}/resume`);
  await events.until(stands);
  events.close();
  assert.deepEqual(await lines(path), ['ada: Whole.', 'ben: Yes.']);
  const failed = events.frames.find(is('turn_failed'))?.data.data;
  assert.deepEqual([failed.turn, failed.attempt, failed.code, failed.retry_in_ms], [1, 1, 'model_unavailable', 1000]);
  const turns = (await me.get(`${path}/turns`)).body.items;
  assert.deepEqual(
    turns.map((t: { attempts: number }) => t.attempts),
    [2, 1],
  );
  assert.ok(events.frames.some((f) => f.event === 'turn_restarted' && f.data.attempt === 2));
});

test('a key that is refused pauses the discussion with its code; resumed, the turn is tried again', async () => {
  script({ does: 'refuse', why: 'wrong_key' }, answer('Better.'), answer('Good.'));
  const { path, events } = await begin();
  await events.until(is('discussion_paused'));
  const paused = (await me.get(path)).body;
  assert.deepEqual([paused.status, paused.status_reason], ['paused', 'model_authentication']);
  const [turn] = (await me.get(`${path}/turns`)).body.items;
  assert.deepEqual([turn.status, turn.error.code, turn.attempts], ['failed', 'model_authentication', 1]);
  await me.post(`${path}/resume`);
  await events.until(is('discussion_completed'));
  events.close();
  assert.deepEqual(await lines(path), ['ada: Better.', 'ben: Good.']);
});

test('on_turn_failure skip: the others go on; when every turn fails, the discussion has failed', async () => {
  script({ does: 'refuse', why: 'wrong_key' }, answer('I am here.'));
  const one = await begin({ on_turn_failure: 'skip' });
  await one.events.until(stands);
  one.events.close();
  assert.deepEqual(await lines(one.path), ['ben: I am here.']);
  assert.equal(one.events.frames.find(is('turn_skipped'))?.data.data.reason, 'failed');

  script({ does: 'refuse', why: 'wrong_key' });
  const all = await begin({ on_turn_failure: 'skip', limits: { max_turns: 50 } });
  const end = await all.events.until(is('discussion_completed'));
  all.events.close();
  assert.deepEqual([end.data.data.status, end.data.data.reason], ['failed', 'every_turn_failed']);
  assert.equal((await me.get(all.path)).body.usage.turns, 3);
});

test('a provider that hangs is cut at the turn’s deadline', async () => {
  const request = script({ does: 'hang_before_headers' });
  const { path, events } = await begin({ limits: { turn_timeout_seconds: 1 } });
  await events.until(is('discussion_paused'));
  events.close();
  assert.equal((await me.get(path)).body.status_reason, 'model_timeout');
  await (await provider.asked(request)).abandoned;
});

test('max_seconds ends a discussion in the middle of a turn, and keeps what was said', async () => {
  script(slowly(['So far']));
  const { path, events } = await begin({ limits: { max_seconds: 2 } });
  const end = await events.until(is('discussion_completed'));
  events.close();
  assert.equal(end.data.data.reason, 'max_seconds');
  assert.deepEqual(
    (await said(path)).map((m) => [m.content, m.metadata.finish_reason]),
    [['So far', 'interrupted']],
  );
});

test('max_tokens ends a discussion, and caps what a turn may have', async () => {
  script({ ...answer('Long.'), usage: { input: 30, output: 40 } });
  const { path, events } = await begin({ limits: { max_turns: 50, max_tokens: 100 } });
  const end = await events.until(is('discussion_completed'));
  events.close();
  assert.equal(end.data.data.reason, 'max_tokens');
  const { usage } = (await me.get(path)).body;
  assert.deepEqual([usage.input_tokens, usage.output_tokens, usage.turns], [60, 80, 2]);
  const asked = provider.received.slice(-2).map(({ body }) => body.max_tokens ?? body.max_completion_tokens);
  assert.deepEqual(asked, [100, 30]);
});

test('a model that never ends is ended: its speech is bounded, and so is an answer to who speaks next', async () => {
  const piece = 'word '.repeat(10_000);
  const request = script(
    { does: 'answer', pieces: ['ada. ', ...Array(9).fill('More. '.repeat(200))] },
    { does: 'answer', pieces: Array(8).fill(piece) },
    answer('ben'),
    answer('Short.'),
  );
  const more = {
    policy: { type: 'moderator', model: 'local/gpt-5-mini' },
    limits: { max_turns: 2, max_tokens: 90_000 },
  };
  const { path, events } = await begin(more);
  await events.until(stands);
  events.close();
  const [first] = await said(path);
  assert.deepEqual([first?.content.length, first?.metadata.finish_reason], [262_144, 'length']);
  const [turn] = (await me.get(`${path}/turns`)).body.items;
  assert.deepEqual([turn.proposals[0].refused, turn.proposals[0].content.length], ['names_nobody', 2_000]);
  const asked = [request, request + 2].map((at) => provider.received[at - 1]?.body.max_tokens);
  const left = 90_000 - turn.usage.input_tokens - turn.usage.output_tokens;
  assert.equal(asked[0], 4_000);
  assert.ok((asked[1] as number) <= Math.min(4_000, left), String(asked[1]));
});

test('cost is counted where a price is known: also of turns that were cut short; max_cost_usd pauses a discussion', async () => {
  const [priced] = await makeAgents(me, ['priced'], 'openai/gpt-5-mini');
  const participants = [{ agent_id: priced?.id }];
  const usage = { input: 100_000, output: 50_000 };
  const request = script(slowly(['Never', ' finished']), { ...answer('Dear.'), usage });
  const { path, events } = await begin({ participants, limits: { max_turns: 50, max_cost_usd: 0.3 } });
  await heard(events, 'Never finished');
  await me.post(`${path}/pause`);
  await (await provider.asked(request)).abandoned;
  await world.settle();
  const paused = (await me.get(path)).body;
  assert.ok(paused.usage.cost_nano_usd > 0, 'a turn that was cut off is paid for');
  assert.ok(paused.usage.input_tokens > 0);
  await me.post(`${path}/resume`);
  const end = await events.until((f) => f.event === 'discussion_paused' && f.data.data.reason === 'max_cost_usd');
  events.close();
  assert.equal(end.data.data.by, null);
  const ended = (await me.get(path)).body;
  assert.ok(ended.usage.cost_nano_usd >= 300_000_000, `${ended.usage.cost_nano_usd}`);
  const generations = (await me.get(`/generations?discussion_id=${ended.id}&limit=100`)).body.items;
  const sum = generations.reduce((all: number, g: { cost_nano_usd: number | null }) => all + (g.cost_nano_usd ?? 0), 0);
  assert.equal(ended.usage.cost_nano_usd, sum, 'exactly what its generations cost');
  const turns = (await me.get(`${path}/turns`)).body.items;
  const ofTurns = turns.reduce(
    (all: number, t: { usage: { cost_nano_usd: number | null } }) => all + (t.usage.cost_nano_usd ?? 0),
    0,
  );
  assert.equal(ofTurns, sum, 'and so in its turns');
});

test('cut off elsewhere at the moment of the last word, a speaker is paid for all the same', async () => {
  const [last] = await makeAgents(me, ['last'], 'openai/gpt-5-mini');
  const usage = { input: 100_000, output: 50_000 };
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  script({ ...answer('Tea', ' it', ' is.'), mayEnd, usage });
  const { id, path, events } = await begin({ participants: [{ agent_id: last?.id }], limits: { max_turns: 50 } });
  await heard(events, 'Tea it is.');
  const generations = async () => (await me.get(`/generations?discussion_id=${id}`)).body.items;
  await world.db.inTx(me.ctx, async (tx) => {
    await lockDiscussion(tx, id);
    end();
    while ((await generations()).length === 0);
    // The speaker has said everything, and waits for this lock. As if another server had cut it off:
    await tx.run(sql`update discussions set step = step + 1 where id = ${id}`);
  });
  while ((await me.get(path)).body.usage.cost_nano_usd === 0);
  const { usage: counted, messages } = (await me.get(path)).body;
  const [generation] = await generations();
  assert.deepEqual(
    [messages, counted.input_tokens, counted.output_tokens, counted.cost_nano_usd],
    [0, 100_000, 50_000, generation.cost_nano_usd],
  );
  await me.post(`${path}/cancel`);
  events.close();
});

test('a second claimant while the first still runs: exactly one message, of the newest attempt', async () => {
  const request = script(slowly(['The first']), answer('The second.'), answer('Ben.'));
  const { id, path, events } = await begin();
  await heard(events, 'The first');
  // As if the process had been silent for too long, and another had taken the job from it.
  const taken = await world.db.inSystemTx((tx) =>
    tx.run(
      sql`update jobs set state = 'waiting', holder = null where kind = 'discussions.turn' and key like ${`${id}/%`}`,
    ),
  );
  assert.equal(taken, 1);
  await events.until(stands);
  events.close();
  assert.deepEqual(await lines(path), ['ada: The second.', 'ben: Ben.']);
  const [turn] = (await me.get(`${path}/turns`)).body.items;
  assert.equal(turn.attempts, 2);
  assert.ok(events.frames.some((f) => f.event === 'turn_restarted' && f.data.turn === 1 && f.data.attempt === 2));
  await (await provider.asked(request)).abandoned;
});

test('the text so far is kept for this attempt only, and goes when the turn stands', async () => {
  script(slowly(['Spoken']));
  const { id, path, events } = await begin();
  await heard(events, 'Spoken');
  const keep = (attempt: number, text: string) =>
    world.db.inTx(me.ctx, (tx) => saveKept(tx, [{ discussionId: id, turn: 1, attempt, text }]));
  const kept = async () => (await findPartial(world.db.reader(me.ctx), id, 1))?.text;
  assert.deepEqual([await keep(1, 'So far'), await kept()], [1, 'So far']);
  assert.deepEqual([await keep(2, 'Of another attempt'), await kept()], [0, 'So far']);
  await me.post(`${path}/pause`);
  assert.equal(await kept(), undefined);
  assert.equal(await keep(1, 'Too late'), 0);
  await me.post(`${path}/cancel`);
  events.close();
});

test('a turn with which three processes died is given up as a failed turn', async () => {
  script(slowly(['It kills']), answer('Alive.'), answer('Good.'));
  const { id, path, events } = await begin();
  await heard(events, 'It kills');
  await world.db.inSystemTx((tx) =>
    tx.run(sql`update jobs set state = 'waiting', holder = null, crashes = 3 where key like ${`${id}/%`}`),
  );
  await events.until(is('discussion_paused'));
  assert.equal((await me.get(path)).body.status_reason, 'crashes');
  await me.post(`${path}/resume`);
  await events.until(is('discussion_completed'));
  events.close();
  assert.deepEqual(await lines(path), ['ada: Alive.', 'ben: Good.']);
});

test('a restart in the middle of a turn: the turn is begun anew, and the stream goes on without a hole', async () => {
  script(slowly(['Lost ', 'words']), answer('Found.'), answer('Good.'));
  const { id, path, events } = await begin();
  await heard(events, 'Lost words');
  const lastEventId = events.lastId() as string;
  const before = events.types();
  await world.restart();
  const again = await follow(me, id, { lastEventId });
  await again.until(stands);
  again.close();
  assert.deepEqual(await lines(path), ['ada: Found.', 'ben: Good.']);
  assert.deepEqual(
    [...before, ...again.types()],
    [
      'discussion_started',
      'turn_started',
      'turn_started',
      'message_posted',
      'turn_started',
      'message_posted',
      'discussion_completed',
    ],
  );
});
