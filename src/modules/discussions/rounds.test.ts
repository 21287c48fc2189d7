import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { follow, makeAgents, stands } from '../../../test/support/discussions.ts';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';
import { INSTANT } from '../models/index.ts';
import { EMPTY, fold } from './rules/fold.ts';
import { findDiscussion } from './store.ts';
import { facts } from './store-entries.ts';

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
  assert.deepEqual(items.map((m: { author: { name: string } }) => m.author.name), ['ada', 'ben', 'cyd', 'ada', 'ben']);
  assert.deepEqual(items.map((m: { seq: number; turn: number }) => [m.seq, m.turn]), [1, 2, 3, 4, 5].map((n) => [n, n]));
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
  const sum = (field: string) => items.reduce((all: number, m: { usage: Record<string, number> }) => all + (m.usage[field] ?? 0), 0);
  assert.equal(ended.usage.turns, 5);
  assert.equal(ended.usage.output_tokens, sum('output_tokens'));
  assert.equal(ended.usage.input_tokens, sum('input_tokens'));

  const turns = (await me.get(`/discussions/${id}/turns`)).body.items;
  assert.deepEqual(
    turns.map((t: { turn: number; name: string; status: string; attempts: number; message_id: string }) => [t.turn, t.name, t.status, t.attempts, t.message_id]),
    items.map((m: { turn: number; author: { name: string }; id: string }) => [m.turn, m.author.name, 'completed', 1, m.id]),
  );
  assert.equal(turns[1].reason, 'Next in order after ada.');
  assert.equal(participants[0].agent_id, agents[0]?.id);

  const row = await findDiscussion(world.db.reader(me.ctx), id);
  assert.deepEqual(row?.state, (await facts(world.db.reader(me.ctx), id)).reduce(fold, EMPTY), 'the folded state is the log’s');
  const [context] = ended.context;
  assert.equal((await me.get(`/documents/${context.document_id}`)).body.text, TEXT);
});
