import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Frame, follow, makeAgents } from '../../../../test/support/discussions.ts';
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
/** Agents with these memories, and me, in a discussion that runs to its end. `settle`: each summary is written meanwhile. */
async function run(
  memories: object[],
  { settle = true, ...more }: { memory: object; limits: object; settle?: boolean },
) {
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
  const participants = [...agents.map(({ id }) => ({ agent_id: id })), { user_id: me.userId }];
  const { status, body } = await me.post('/discussions', { topic: 'Tea?', participants, ...more });
  assert.equal(status, 201, JSON.stringify(body));
  const path = `/discussions/${body.id}`;
  const events = await follow(me, body.id, { lastEventId: body.cursor });
  const isMine = ({ event, data }: Frame) => event === 'turn_started' && data.data.kind === 'user';
  for (let said = 0; ; said++) {
    const mine = (frame: Frame) => isMine(frame) && events.frames.filter(isMine).indexOf(frame) >= said;
    const next = await events.until((frame) => frame.event === 'discussion_completed' || mine(frame));
    if (settle) await world.settle();
    if (next.event === 'discussion_completed') break;
    assert.equal((await me.post(`${path}/messages`, { content: `I said ${said}.` })).status, 201);
  }
  events.close();
  const discussion = (await me.get(path)).body;
  const contexts: TurnContext[] = [];
  for (let turn = 1; turn <= discussion.usage.turns; turn++) {
    const given = await me.get(`${path}/turns/${turn}/context`);
    if (given.status === 200) contexts.push(given.body);
  }
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

/** Speeches that can be told apart. */
const talks = () => speaker.script(() => ({ does: 'answer', pieces: [`Speech ${speaker.received.length}.`] }));
const writes = () => writer.script(() => ({ does: 'answer', pieces: [`Summary ${writer.received.length}.`] }));

test('nothing falls in between: each message is in the summary or in the window, turn by turn; its cost is counted', async () => {
  talks();
  writes();
  const first = writer.received.length;
  const memory = { window: 3, summary: true, summary_model: WRITER };
  const { path, discussion, contexts, memory: newest, sent } = await run([{}], { memory, limits: { max_turns: 14 } });
  assert.deepEqual(contexts.map(onWire), sent);
  for (const { turn, memory: given, messages } of contexts) {
    assert.equal(given.window?.to_seq ?? 0, turn - 1, 'all that was said before this turn');
    const covered = given.summary?.up_to_seq ?? 0;
    assert.ok((given.window?.from_seq ?? 1) <= covered + 1, JSON.stringify(given));
    if (given.summary) assert.ok(messages[0]?.content.endsWith(`<summary>\n${given.summary.text}\n</summary>`));
  }
  assert.deepEqual([newest.window, newest.retrieval], [3, 0]);
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
  const own = { window: 2, summary: true };
  const { contexts, memory: kept } = await run([own, {}], { memory, limits: { max_turns: 12 } });
  assert.deepEqual(
    contexts.map(({ turn }) => turn),
    [1, 2, 4, 5, 7, 8, 10, 11],
  );
  for (const { turn, memory: given } of contexts) {
    if (turn % 3 === 1) assert.ok((given.window?.from_seq ?? 1) <= (given.summary?.up_to_seq ?? 0) + 1);
    else assert.deepEqual([given.summary, given.window], [null, { from_seq: Math.max(1, turn - 8), to_seq: turn - 1 }]);
  }
  assert.ok((contexts.at(-2)?.memory.summary?.up_to_seq ?? 0) >= 4);
  assert.ok((kept.summary?.up_to_seq ?? 0) >= 7);
});

test('a model that fails loses nothing: it is asked again, the window grows meanwhile, and its cost is counted', async () => {
  talks();
  writer.script({ does: 'refuse', why: 'wrong_key' });
  const memory = { window: 1, summary: true, summary_model: WRITER };
  const { contexts, memory: kept, path } = await run([{}], { memory, limits: { max_turns: 6 } });
  assert.equal(kept.summary, null);
  assert.deepEqual(
    contexts.map(({ memory: given }) => given.window),
    [null, { from_seq: 1, to_seq: 2 }, { from_seq: 1, to_seq: 4 }],
  );
  assert.equal((await me.get(path)).body.status, 'completed');
});

test('the cost of summaries counts against the limits', async () => {
  talks();
  writer.script({ does: 'answer', pieces: ['Dear.'], usage: { input: 400, output: 600 } });
  const memory = { window: 1, summary: true, summary_model: WRITER };
  const { discussion } = await run([{}], { memory, limits: { max_turns: 60, max_tokens: 2_000 } });
  assert.deepEqual([discussion.status, discussion.status_reason], ['completed', 'max_tokens']);
  assert.ok(discussion.usage.turns < 60);
});

test('a summary of several steps stops where the cost of the first has reached the limit', async () => {
  talks();
  const from = writer.received.length;
  writer.script({ does: 'answer', pieces: ['Dear.'], usage: { input: 4_000, output: 6_000 } });
  const [agent] = await makeAgents(me, [`m${++made}`], 'local/gpt-5-mini');
  const { body } = await me.post('/discussions', {
    ...{ topic: 'Tea?', participants: [{ agent_id: agent?.id }, { user_id: me.userId }], start: false },
    ...{ memory: { window: 1, summary: true, summary_model: WRITER }, limits: { max_cost_usd: 0.000_001 } },
  });
  const path = `/discussions/${body.id}`;
  for (let n = 0; n < 40; n++) await me.post(`${path}/messages`, { content: `${n} ${'x'.repeat(4_000)}` });
  await me.post(`${path}/resume`);
  await world.settle();
  const { summary } = (await me.get(`${path}/memory`)).body;
  assert.ok(summary.up_to_seq < 39, `${summary.up_to_seq}`);
  assert.equal(writer.received.length - from, 1);
  await me.post(`${path}/cancel`);
});

test('the rehearsal keeps a summary by rule', async () => {
  talks();
  const memory = { window: 1, summary: true, summary_model: 'rehearsal' };
  const { memory: kept } = await run([{}], { memory, limits: { max_turns: 5 } });
  const { summary } = kept;
  assert.equal(summary?.model, 'rehearsal');
  assert.match(summary?.text ?? '', /^m\d+: Speech \d+\.\n/);
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
  const { contexts } = await run([{}], { memory, limits: { max_turns: 8 }, settle: false });
  await writer.asked(request);
  assert.equal(writer.received.length, request, 'asked once at a time');
  assert.deepEqual(contexts.at(-1)?.memory, { window: { from_seq: 1, to_seq: 6 }, summary: null, retrieved: [] });
});
