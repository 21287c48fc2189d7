import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { follow, makeAgents, stands } from '../../../test/support/discussions.ts';
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
  agents = await makeAgents(me, ['ada', 'ben', 'cyd']);
});
after(() => world.stop());

const those = () => agents.map(({ id }) => ({ agent_id: id }));
const TEXT = 'The bridge was closed in 1923. Its pillars had been eaten by salt water. A ferry runs in its place.';

test('agents speak in their order over a document until a limit ends it, and everything adds up', async () => {
  const made = await me.post('/discussions', {
    topic: 'Should the bridge be rebuilt?',
    participants: those(),
    limits: { max_turns: 5 },
    context: [{ title: 'The bridge', text: TEXT }],
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id, next_speaker, participants, cursor } = made.body;
  assert.deepEqual([made.body.status, made.body.turn, next_speaker.name], ['running', 1, 'ada']);
  assert.equal(next_speaker.reason, 'First in order.');
  const events = await follow(me, id, { lastEventId: cursor });
  await events.until(stands);
  events.close();

  const ended = (await me.get(`/discussions/${id}`)).body;
  assert.deepEqual([ended.status, ended.status_reason, ended.next_speaker], ['completed', 'max_turns', null]);
  const { items } = (await me.get(`/discussions/${id}/messages`)).body;
  assert.deepEqual(
    items.map((m: { author: { name: string } }) => m.author.name),
    ['ada', 'ben', 'cyd', 'ada', 'ben'],
  );
  assert.deepEqual(
    items.map((m: { seq: number; turn: number }) => [m.seq, m.turn]),
    [1, 2, 3, 4, 5].map((n) => [n, n]),
  );
  for (const message of items) {
    assert.equal(message.metadata.rehearsal, true);
    assert.equal(message.metadata.finish_reason, 'stop');
    for (const citation of message.metadata.citations ?? []) assert.ok(TEXT.includes(citation.quote));
  }
  assert.ok(items.some((m: { metadata: { citations?: unknown[] } }) => (m.metadata.citations?.length ?? 0) > 0));

  const turn = ['turn_started', 'message_posted'];
  assert.deepEqual(events.types(), ['discussion_started', ...Array(5).fill(turn).flat(), 'discussion_completed']);
  assert.deepEqual(
    events.frames.filter((f) => f.event === 'message_posted').map((f) => f.data.data.message_id),
    items.map((m: { id: string }) => m.id),
  );
  const sum = (field: string) =>
    items.reduce((all: number, m: { usage: Record<string, number> }) => all + (m.usage[field] ?? 0), 0);
  assert.equal(ended.usage.turns, 5);
  assert.equal(ended.usage.output_tokens, sum('output_tokens'));
  assert.equal(ended.usage.input_tokens, sum('input_tokens'));

  const turns = (await me.get(`/discussions/${id}/turns`)).body.items;
  assert.deepEqual(
    turns.map((t: { turn: number; name: string; status: string; attempts: number; message_id: string }) => [
      t.turn,
      t.name,
      t.status,
      t.attempts,
      t.message_id,
    ]),
    items.map((m: { turn: number; author: { name: string }; id: string }) => [
      m.turn,
      m.author.name,
      'completed',
      1,
      m.id,
    ]),
  );
  assert.equal(turns[1].reason, 'Next in order after ada.');
  assert.equal(participants[0].agent_id, agents[0]?.id);

  const row = await findDiscussion(world.db.reader(me.ctx), id);
  assert.deepEqual(
    row?.state,
    (await facts(world.db.reader(me.ctx), id)).reduce(fold, EMPTY),
    'the folded state is the log’s',
  );
  const [context] = ended.context;
  assert.equal((await me.get(`/documents/${context.document_id}`)).body.text, TEXT);
});

test('made with start false it waits for resume; pausing and resuming twice is fine; what has ended stays ended', async () => {
  const made = await me.post('/discussions', {
    topic: 'x',
    participants: those(),
    start: false,
    limits: { max_turns: 2 },
  });
  const path = `/discussions/${made.body.id}`;
  assert.deepEqual([made.body.status, made.body.next_speaker.name, made.body.started_at], ['created', 'ada', null]);
  assert.equal((await me.post(`${path}/pause`)).status, 409);
  assert.equal((await me.post(`${path}/advance`)).status, 409);
  const events = await follow(me, made.body.id, { lastEventId: made.body.cursor });
  assert.equal((await me.post(`${path}/resume`)).status, 200);
  await events.until(stands);
  assert.equal(events.types()[0], 'discussion_started');
  events.close();
  for (const verb of ['pause', 'resume', 'cancel', 'advance']) {
    const { status, body } = await me.post(`${path}/${verb}`);
    assert.deepEqual([verb, status, body.error?.code], [verb, 409, 'conflict']);
  }
  assert.equal((await me.post(`${path}/messages`, { content: 'Too late.' })).status, 409);
});

test('agents are held while a discussion needs them, and free afterwards', async () => {
  const [one, moderator] = await makeAgents(me, ['held', 'holder']);
  const made = await me.post('/discussions', {
    topic: 'x',
    participants: [{ agent_id: one?.id }, ...those()],
    policy: { type: 'moderator', agent_id: moderator?.id },
    start: false,
  });
  for (const agent of [one, moderator]) {
    const refused = await me.delete(`/agents/${agent?.id}`);
    assert.deepEqual([refused.status, refused.body.error.details.holders], [409, [`discussions/${made.body.id}`]]);
  }
  assert.equal((await me.post(`/discussions/${made.body.id}/cancel`)).body.status, 'cancelled');
  assert.equal((await me.post(`/discussions/${made.body.id}/cancel`)).status, 200, 'twice is fine');
  for (const agent of [one, moderator]) assert.equal((await me.delete(`/agents/${agent?.id}`)).status, 204);
  assert.equal((await me.get(`/discussions/${made.body.id}`)).body.participants[0].name, 'held');
});

test('what cannot be is refused, with every field that is wrong', async () => {
  const other = await world.signUp();
  const [theirs] = await makeAgents(other, ['theirs']);
  const [archived] = await makeAgents(me, ['archived']);
  await me.post(`/agents/${archived?.id}/archive`);
  const [ada] = those();
  const fields = async (body: object) => {
    const { status, body: answer } = await me.post('/discussions', { topic: 'x', participants: those(), ...body });
    assert.deepEqual([status, answer.error?.code], [422, 'validation_failed'], JSON.stringify(answer));
    return answer.error.details.fields.map(({ field }: { field: string }) => field);
  };
  const participants = [ada, { agent_id: theirs?.id }, { agent_id: archived?.id }, { user_id: other.userId }];
  assert.deepEqual(await fields({ participants }), [
    'participants.1.agent_id',
    'participants.2.agent_id',
    'participants.3.user_id',
  ]);
  assert.deepEqual(await fields({ participants: [ada, ada] }), ['participants.1']);
  assert.deepEqual(await fields({ participants: [] }), ['participants']);
  assert.deepEqual(await fields({ policy: { type: 'round_robin', order: ['ada', 'zoe'] } }), ['policy.order.1']);
  assert.deepEqual(await fields({ policy: { type: 'moderator', agent_id: archived?.id } }), ['policy.agent_id']);
  assert.deepEqual(await fields({ policy: { type: 'moderator', agent_id: ada?.agent_id, model: 'rehearsal' } }), [
    'policy.model',
  ]);
  assert.deepEqual(await fields({ context: [{ title: 'a', text: 'b' }, { document_id: ada?.agent_id }] }), [
    'context.1.document_id',
  ]);
  for (const body of [
    { policy: { type: 'anarchy' } },
    { limits: { max_turns: 0 } },
    { limits: { turn_timeout_seconds: 1e-9 } },
    { limits: { max_hours: 1 } },
    { on_post: 'shout' },
    { participants: [{ agent_id: ada?.agent_id, user_id: me.userId }] },
    { colour: 'red' },
  ])
    assert.ok((await fields(body)).length > 0, JSON.stringify(body));
  assert.equal((await me.get('/documents?q=b')).body.total, 0, 'nothing was kept of what was refused');
});

test('the same Idempotency-Key begins one discussion', async () => {
  const body = { topic: 'Once', participants: those(), start: false };
  const headers = { 'idempotency-key': 'once-only' };
  const [first, second] = [
    await me.post('/discussions', body, { headers }),
    await me.post('/discussions', body, { headers }),
  ];
  assert.deepEqual([first.status, second.status, second.headers.get('idempotency-replayed')], [201, 201, 'true']);
  assert.deepEqual(second.body, first.body);
  const posts = [1, 2].map(() => me.post(`/discussions/${first.body.id}/messages`, { content: 'Hello' }, { headers }));
  const done = (await Promise.all(posts)).filter(({ status }) => status === 201);
  assert.ok(done.length >= 1);
  assert.equal((await me.get(`/discussions/${first.body.id}/messages`)).body.items.length, 1);
});

test('lists are paged: discussions newest first, messages in both directions', async () => {
  const one = await world.signUp();
  const [solo] = await makeAgents(one, ['solo']);
  const ids: string[] = [];
  for (const topic of ['a', 'b', 'c']) {
    const made = await one.post('/discussions', { topic, participants: [{ agent_id: solo?.id }], start: false });
    ids.unshift(made.body.id);
  }
  await one.post(`/discussions/${ids[1]}/cancel`);
  const first = (await one.get('/discussions?limit=2')).body;
  assert.deepEqual(
    first.items.map((d: { id: string }) => d.id),
    ids.slice(0, 2),
  );
  const second = (await one.get(`/discussions?limit=2&cursor=${first.next_cursor}`)).body;
  assert.deepEqual([second.items.map((d: { id: string }) => d.id), second.next_cursor], [ids.slice(2), null]);
  assert.deepEqual(
    (await one.get('/discussions?status=cancelled')).body.items.map((d: { id: string }) => d.id),
    [ids[1]],
  );
  assert.equal((await one.get(`/discussions?status=paused&cursor=${first.next_cursor}`)).status, 400);

  const path = `/discussions/${ids[0]}/messages`;
  for (let n = 1; n <= 7; n++) await one.post(path, { content: `${n}` });
  const read = async (query: string) => {
    const { items, next_cursor } = (await one.get(`${path}?${query}`)).body;
    return { said: items.map((m: { content: string }) => m.content).join(''), next: next_cursor };
  };
  const start = await read('limit=3');
  assert.equal(start.said, '123');
  assert.deepEqual(await read(`limit=4&cursor=${start.next}`), { said: '4567', next: null });
  assert.equal((await read('after_seq=5')).said, '67');
  assert.equal((await one.get(`${path}?after_seq=1&before_seq=5`)).status, 422);
  const end = await read('before_seq=8&limit=3');
  assert.equal(end.said, '567');
  const middle = await read(`limit=3&cursor=${end.next}`);
  assert.equal(middle.said, '234');
  assert.deepEqual(await read(`limit=3&cursor=${middle.next}`), { said: '1', next: null });
});

test('another tenant finds nothing of it', async () => {
  const { body } = await me.post('/discussions', { topic: 'Secret', participants: those(), start: false });
  const other = await world.signUp();
  const path = `/discussions/${body.id}`;
  for (const sub of ['', '/messages', '/turns', '/events'])
    assert.equal((await other.get(path + sub)).status, 404, sub);
  for (const verb of ['pause', 'resume', 'cancel', 'advance'])
    assert.equal((await other.post(`${path}/${verb}`)).status, 404);
  assert.equal((await other.post(`${path}/messages`, { content: 'x' })).status, 404);
  assert.deepEqual((await other.get('/discussions')).body.items, []);
});

test('a moderator proposes, the rules dispose: its choice and its failure are in the log and in the reasons', async () => {
  const made = await me.post('/discussions', {
    topic: 'Who is next?',
    participants: those(),
    policy: { type: 'moderator', model: 'rehearsal' },
    limits: { max_turns: 4 },
  });
  assert.equal(made.body.next_speaker, null, 'the moderator has not been asked yet');
  const events = await follow(me, made.body.id, { lastEventId: made.body.cursor });
  await events.until(stands);
  events.close();
  const turns = (await me.get(`/discussions/${made.body.id}/turns`)).body.items;
  assert.equal(turns.length, 4);
  for (const { reason } of turns) assert.equal(reason, 'Chosen by the moderator.');
  const names = turns.map((t: { name: string }) => t.name);
  assert.ok(
    names.every((name: string, index: number) => name !== names[index - 1]),
    names.join(', '),
  );
  const log = await facts(world.db.reader(me.ctx), made.body.id);
  assert.deepEqual(
    log.map(({ kind }) => kind),
    Array(4).fill(['proposal', 'message']).flat(),
  );
  const ended = (await me.get(`/discussions/${made.body.id}`)).body;
  const said = turns.reduce((all: number, t: { usage: { output_tokens: number } }) => all + t.usage.output_tokens, 0);
  assert.ok(ended.usage.output_tokens > said, 'the moderator’s tokens count');

  const lost = await me.post('/discussions', {
    topic: 'Who is next?',
    participants: those(),
    policy: { type: 'moderator', model: 'nowhere/model' },
    limits: { max_turns: 2 },
  });
  const again = await follow(me, lost.body.id, { lastEventId: lost.body.cursor });
  await again.until(stands);
  again.close();
  const reasons = again.frames.filter((f) => f.event === 'turn_started').map((f) => f.data.data.reason);
  assert.deepEqual(reasons, [
    'The moderator could not be asked. By rule: first in order.',
    'The moderator could not be asked. By rule: next in order after ada.',
  ]);
});
