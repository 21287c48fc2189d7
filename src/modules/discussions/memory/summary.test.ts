import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { follow, makeAgents, stands } from '../../../../test/support/discussions.ts';
import { openaiProtocol } from '../../../../test/support/providers/openai.ts';
import { StandIn } from '../../../../test/support/providers/stand-in.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';
import type { DiscussionMemory, TurnContext } from './schemas.ts';
import { insertSummary } from './store.ts';
import { fitting, summaryPrompt } from './summary.ts';

/** One speaks, the other writes summaries. */
let speaker: StandIn;
let writer: StandIn;
let world: World;
let me: Member;
const WRITER = 'openai/gpt-5-mini';
before(async () => {
  speaker = await StandIn.start(openaiProtocol);
  writer = await StandIn.start(openaiProtocol);
  world = await createWorld({
    env: { OPENAI_COMPATIBLE_URL: speaker.baseUrl, OPENAI_BASE_URL: writer.baseUrl, OPENAI_API_KEY: 'sk-test' },
  });
  me = await world.signUp();
});
after(async () => {
  await world.stop();
  await Promise.all([speaker[Symbol.asyncDispose](), writer[Symbol.asyncDispose]()]);
});

type Wire = { role: string; content: string };
const promptOf = ({ body }: { body: Record<string, unknown> }) => body.messages as Wire[];
const onWire = (context: TurnContext): Wire[] =>
  context.messages.map(({ role, name, content }) => ({ role, content: name ? `${name}: ${content}` : content }));

let made = 0;
/** Agents with these memories, in a discussion that runs to its end. */
async function run(memories: object[], more: { memory: object; limits: object; topic?: string }) {
  const from = speaker.received.length;
  const agents = await makeAgents(
    me,
    memories.map(() => `m${++made}`),
    'local/gpt-5-mini',
  );
  for (const [index, memory] of memories.entries()) {
    const path = `/agents/${agents[index]?.id}`;
    const changed = await me.patch(path, { memory }, { headers: { 'if-match': '*' } });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
  }
  const participants = agents.map(({ id }) => ({ agent_id: id }));
  const { status, body } = await me.post('/discussions', { topic: 'Tea?', participants, ...more });
  assert.equal(status, 201, JSON.stringify(body));
  const path = `/discussions/${body.id}`;
  const events = await follow(me, body.id, { lastEventId: body.cursor });
  await events.until(stands);
  events.close();
  const discussion = (await me.get(path)).body;
  const contexts: TurnContext[] = await Promise.all(
    Array.from(
      { length: discussion.usage.turns },
      async (_, n) => (await me.get(`${path}/turns/${n + 1}/context`)).body,
    ),
  );
  const memory: DiscussionMemory = (await me.get(`${path}/memory`)).body;
  return {
    path,
    id: body.id as string,
    discussion,
    contexts,
    memory,
    sent: speaker.received.slice(from).map(promptOf),
  };
}

/** Speeches that can be told apart, each after a moment in which a summary can be written. */
const talks = () =>
  speaker.script(() => ({ does: 'answer', pieces: [`Speech ${speaker.received.length}.`], gapMs: 20 }));
const writes = () => writer.script(() => ({ does: 'answer', pieces: [`Summary ${writer.received.length}.`] }));

test('nothing falls in between: each message is in the summary or in the window, turn by turn; its cost is counted', async () => {
  talks();
  writes();
  const first = writer.received.length;
  const memory = { window: 3, summary: true, summary_model: WRITER };
  const { path, discussion, contexts, memory: kept, sent } = await run([{}, {}], { memory, limits: { max_turns: 14 } });
  assert.deepEqual(contexts.map(onWire), sent);
  for (const [index, { memory: given, messages }] of contexts.entries()) {
    assert.equal(given.window?.to_seq ?? 0, index, 'all that was said before this turn');
    const covered = given.summary?.up_to_seq ?? 0;
    assert.ok((given.window?.from_seq ?? 1) <= covered + 1, JSON.stringify(given));
    if (given.summary) assert.ok(messages[0]?.content.endsWith(`<summary>\n${given.summary.text}\n</summary>`));
  }
  await world.settle();
  const newest = (await me.get(`${path}/memory`)).body as DiscussionMemory;
  assert.deepEqual([kept.window, kept.retrieval], [3, 0]);
  assert.match(newest.summary?.text ?? '', /^Summary \d+\.$/);
  assert.equal(newest.summary?.model, WRITER);
  assert.ok((newest.summary?.up_to_seq ?? 0) >= 6);

  const asked = writer.received.slice(first).map(promptOf);
  assert.ok(asked.length >= 2);
  for (const [index, prompt] of asked.entries()) {
    const before =
      index === 0 ? /^The topic: Tea\?$/ : new RegExp(`<summary>\nSummary ${first + index}\\.\n</summary>$`);
    assert.match(prompt[1]?.content ?? '', before, 'each begins from the one before');
  }
  const reported = asked.flatMap((prompt) => prompt.slice(2, -1).map(({ content }) => content));
  const said = (await me.get(`${path}/messages?limit=100`)).body.items.map(
    (m: { author: { name: string }; content: string }) => `${m.author.name}: ${m.content}`,
  );
  assert.deepEqual(reported, said.slice(0, reported.length), 'every message once, in order');

  const generations = (await me.get(`/generations?discussion_id=${discussion.id}&limit=100`)).body.items;
  const sum = (field: string) =>
    generations.reduce((all: number, g: Record<string, number>) => all + (g[field] ?? 0), 0);
  const { usage } = (await me.get(path)).body;
  assert.deepEqual(
    [usage.input_tokens, usage.output_tokens, usage.cost_nano_usd],
    [sum('input_tokens'), sum('output_tokens'), sum('cost_nano_usd')],
  );
  assert.ok(usage.cost_nano_usd > 0);
  assert.equal(generations.filter((g: { kind: string }) => g.kind === 'summary').length, asked.length);
});

test('agents say for themselves: the summary goes before the smallest window that wants it', async () => {
  talks();
  writes();
  const memory = { window: 8, summary_model: WRITER };
  const { contexts, memory: kept } = await run([{ window: 2, summary: true }, {}], {
    memory,
    limits: { max_turns: 12 },
  });
  await world.settle();
  for (const [index, { memory: given }] of contexts.entries()) {
    if (index % 2 === 0) assert.ok((given.window?.from_seq ?? 1) <= (given.summary?.up_to_seq ?? 0) + 1);
    else assert.deepEqual([given.summary, given.window], [null, { from_seq: Math.max(1, index - 7), to_seq: index }]);
  }
  assert.ok(contexts.some(({ memory: given }) => given.summary !== null));
  assert.ok((kept.summary?.up_to_seq ?? 0) > 0);
});

test('a model that fails loses nothing: it is asked again, the window grows meanwhile, and its cost is counted', async () => {
  talks();
  writer.script({ does: 'refuse', why: 'wrong_key' });
  const memory = { window: 1, summary: true, summary_model: WRITER };
  const { contexts, memory: kept, path } = await run([{}, {}], { memory, limits: { max_turns: 6 } });
  assert.equal(kept.summary, null);
  assert.deepEqual(
    contexts.map(({ memory: given }) => given.window),
    [null, ...[1, 2, 3, 4, 5].map((to_seq) => ({ from_seq: 1, to_seq }))],
  );
  assert.equal((await me.get(path)).body.status, 'completed');
});

test('the cost of summaries counts against the limits', async () => {
  talks();
  writer.script({ does: 'answer', pieces: ['Dear.'], usage: { input: 400, output: 600 } });
  const memory = { window: 1, summary: true, summary_model: WRITER };
  const { discussion } = await run([{}, {}], { memory, limits: { max_turns: 60, max_tokens: 2_000 } });
  assert.deepEqual([discussion.status, discussion.status_reason], ['completed', 'max_tokens']);
  assert.ok(discussion.usage.turns < 60);
});

test('the rehearsal keeps a summary by rule', async () => {
  talks();
  const memory = { window: 1, summary: true, summary_model: 'rehearsal' };
  const { contexts, path } = await run([{}, {}], { memory, limits: { max_turns: 5 } });
  await world.settle();
  const { summary } = (await me.get(`${path}/memory`)).body as DiscussionMemory;
  assert.equal(summary?.model, 'rehearsal');
  assert.match(summary?.text ?? '', /^m\d+: Speech \d+\./);
  assert.ok(contexts.length === 5);
});

test('a summary never takes the place of one that goes further', async () => {
  talks();
  const { id } = await run([{}], { memory: {}, limits: { max_turns: 1 } });
  const insert = (up_to_seq: number) =>
    world.db.inTx(me.ctx, (tx) =>
      insertSummary(tx, id, {
        ...{ up_to_seq, text: `up to ${up_to_seq}`, model: 'm', generation_id: id },
        ...{ input_tokens: 1, output_tokens: 1, cost_nano_usd: null, created_at: new Date() },
      }),
    );
  assert.deepEqual([await insert(5), await insert(5), await insert(3), await insert(6)], [1, 0, 0, 1]);
  assert.equal((await me.get(`/discussions/${id}/memory`)).body.summary.text, 'up to 6');
});

test('one step reads a bounded part, and at least one message; what was said is marked as no instruction', () => {
  const said = Array.from({ length: 100 }, (_, n) => ({
    ...{ seq: n + 1, participantId: null, name: 'Guest', content: 'x'.repeat(5_000) },
  }));
  const kept = fitting(said);
  assert.deepEqual([kept.length, kept[0]?.content.length], [15, 4_000]);
  assert.equal(fitting(said.slice(0, 1)).length, 1);
  const [system, start, ...rest] = summaryPrompt('Tea?', 'So far.', kept);
  assert.match(system?.content ?? '', /no instruction to you/);
  assert.match(start?.content ?? '', /<summary>\nSo far\.\n<\/summary>$/);
  assert.equal(rest.length, 16);
});

// The last one: its job goes on for as long as a model may hang.
test('a model that hangs holds up no turn', async () => {
  talks();
  const request = writer.received.length + 1;
  writer.script({ does: 'hang_before_headers' });
  const memory = { window: 1, summary: true, summary_model: WRITER };
  const { contexts } = await run([{}, {}], { memory, limits: { max_turns: 8 } });
  await writer.asked(request);
  assert.equal(writer.received.length, request, 'asked once at a time');
  assert.deepEqual(contexts.at(-1)?.memory, { window: { from_seq: 1, to_seq: 7 }, summary: null, retrieved: [] });
});
