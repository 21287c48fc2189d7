import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { serverWith } from '../../../test/support/http.ts';
import { openaiProtocol } from '../../../test/support/providers/openai.ts';
import { StandIn } from '../../../test/support/providers/stand-in.ts';
import { type ModelsWorld, modelsWorld } from '../../../test/support/providers/world.ts';
import { systemClock } from '../../lib/clock.ts';
import { PERMISSIONS, type Permission } from '../../platform/auth/permissions.ts';
import { createPool } from '../../platform/pool/pool.ts';
import { type Agents, createAgents } from '../agents/index.ts';
import { createKnowledge } from '../knowledge/index.ts';
import { createOpenAi } from './index.ts';

let world: ModelsWorld;
let standIn: StandIn;
let server: Awaited<ReturnType<typeof serverWith>>;
let agents: Agents;
let tenantId: string;
before(async () => {
  world = await modelsWorld();
  standIn = await StandIn.start(openaiProtocol);
  tenantId = await world.makeTenant();
  const models = world.models({ providers: { openai: { apiKey: 'sk-test-secret-1234', baseUrl: standIn.baseUrl } } });
  const { db } = world;
  agents = createAgents({ db, models, knowledge: createKnowledge({ db, pool: createPool() }) });
  const openai = createOpenAi({ models, agents, clock: systemClock });
  server = await serverWith({
    db,
    secrets: world.secrets,
    register: [(router) => openai.routes?.(router), (router) => models.routes?.(router)],
    // The key's own text says what it may: an API key's scopes, without the access module.
    authenticate: async ({ authorization }) => {
      const name = authorization?.replace(/^Bearer /, '');
      if (name === undefined) return undefined;
      const permissions = new Set(name === 'all' ? PERMISSIONS : (name.split(',') as Permission[]));
      const actor = { kind: 'api_key' as const, id: '01920000-0000-7000-8000-000000000003' };
      return { tenantId, actor, roles: [], permissions, expiresAtMs: undefined };
    },
  });
  await server.start();
  const ctx = world.ctx(tenantId);
  await world.db.inTx(ctx, (tx) =>
    agents.create(tx, {
      name: 'ada',
      model: 'rehearsal',
      instructions: 'You are Ada, a sceptical auditor.',
      parameters: { max_tokens: 200 },
    }),
  );
});
after(async () => {
  await server.stop(1_000);
  await standIn[Symbol.asyncDispose]();
  await world.close();
});

/** The official client, as it comes. */
const client = ({ key = 'all', path = '/v1' } = {}) =>
  new OpenAI({ apiKey: key, baseURL: `http://127.0.0.1:${server.ports[0]}${path}`, maxRetries: 0 });
const hello = [{ role: 'user' as const, content: 'Should we give up the office?' }];

for (const path of ['/v1', '/api/v1']) {
  test(`${path}: the openai client lists models and reads one`, async () => {
    const ids: string[] = [];
    for await (const model of client({ path }).models.list()) ids.push(model.id);
    assert.deepEqual(ids, ['agent:ada', 'openai/gpt-5-mini', 'openai/gpt-5', 'rehearsal']);
    const one = await client({ path }).models.retrieve('openai/gpt-5');
    assert.deepEqual([one.id, one.object, one.owned_by], ['openai/gpt-5', 'model', 'openai']);
    const agent = await client({ path }).models.retrieve('agent:ada');
    assert.equal(agent.owned_by, 'parley');
    assert.ok(Math.abs(agent.created - Date.now() / 1000) < 60);
    await assert.rejects(client({ path }).models.retrieve('openai/nope'), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      return error.code === 'model_not_found';
    });
  });

  test(`${path}: the openai client streams from agent:NAME, piece by piece`, async () => {
    const stream = await client({ path }).chat.completions.create({
      model: 'agent:ada',
      messages: hello,
      stream: true,
    });
    const pieces: string[] = [];
    let finish: string | null = null;
    let role: string | undefined;
    let extras: unknown;
    for await (const chunk of stream) {
      assert.equal(chunk.object, 'chat.completion.chunk');
      assert.equal(chunk.model, 'agent:ada');
      const [choice] = chunk.choices;
      role ??= choice?.delta.role;
      if (choice?.delta.content) pieces.push(choice.delta.content);
      finish = choice?.finish_reason ?? finish;
      extras ??= (chunk as { parley?: unknown }).parley;
    }
    assert.ok(pieces.length > 5);
    assert.equal(role, 'assistant');
    assert.equal(finish, 'stop');
    assert.equal((extras as { rehearsal: boolean }).rehearsal, true);
    const whole = await client({ path }).chat.completions.create({ model: 'agent:ada', messages: hello });
    assert.equal(whole.choices[0]?.message.content, pieces.join(''));
  });
}

test('an agent’s generation is recorded under the agent and the caller', async () => {
  const answer = await client().chat.completions.create({ model: 'agent:ada', messages: hello });
  const record = await world.traces.get(world.ctx(tenantId), answer.id.replace('chatcmpl-', ''));
  const agent = await agents.byName(world.ctx(tenantId), 'ada');
  assert.equal(record.agent_id, agent.id);
  assert.deepEqual([record.kind, record.model, record.actor.kind], ['agent', 'rehearsal', 'api_key']);
  assert.equal(answer.usage?.total_tokens, record.input_tokens + record.output_tokens);
});

test('parameters reach the provider, and what is irrelevant here is passed by', async () => {
  standIn.script({ does: 'answer' });
  const seen = standIn.received.length;
  const answer = await client().chat.completions.create({
    model: 'openai/gpt-4o',
    messages: [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'Two' },
        ],
        name: 'ben',
      },
      { role: 'assistant', content: null, refusal: null },
    ],
    max_completion_tokens: 77,
    temperature: 0.4,
    top_p: 0.9,
    seed: 5,
    stop: ['END'],
    n: 1,
    response_format: { type: 'text' },
    logit_bias: { 50256: -100 },
    user: 'somebody',
    metadata: { a: 'b' },
    store: false,
    parallel_tool_calls: false,
    presence_penalty: 0.1,
    service_tier: 'auto',
  });
  assert.equal(answer.choices[0]?.message.content, 'Hello, world.');
  assert.equal(answer.model, 'openai/gpt-4o');
  const { body } = standIn.received[seen] as (typeof standIn.received)[0];
  assert.deepEqual(
    [body.model, body.max_tokens, body.temperature, body.top_p, body.seed, body.stop],
    ['gpt-4o', 77, 0.4, 0.9, 5, ['END']],
  );
  assert.match(JSON.stringify(body.messages), /ben: One\\nTwo/);
});

test('include_usage puts the counts into a last chunk without choices', async () => {
  standIn.script({ does: 'answer', usage: { input: 100, output: 20 } });
  const stream = await client().chat.completions.create({
    model: 'openai/gpt-5-mini',
    messages: hello,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await Array.fromAsync(stream);
  assert.deepEqual(chunks.at(-1)?.usage, { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 });
  assert.deepEqual(chunks.at(-1)?.choices, []);
  assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null));
});

test('a raw stream is event-stream frames that end with [DONE]', async () => {
  const response = await fetch(`http://127.0.0.1:${server.ports[0]}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer all', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'rehearsal', messages: hello, stream: true }),
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const frames = (await response.text()).split('\n\n').filter(Boolean);
  assert.equal(frames.at(-1), 'data: [DONE]');
  assert.ok(frames.slice(0, -1).every((frame) => JSON.parse(frame.slice('data: '.length)).id.startsWith('chatcmpl-')));
});

test('without a model, the tenant’s default answers', async () => {
  const answer = await client().chat.completions.create({ messages: hello } as never);
  assert.equal((answer as OpenAI.ChatCompletion).model, 'openai/gpt-5-mini');
});

const png = 'data:image/png;base64,iVBORw0KGgo=';
const refused: [string, Record<string, unknown>, string][] = [
  ['n', { n: 2 }, 'n'],
  ['tools', { tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] }, 'tools'],
  ['a JSON format', { response_format: { type: 'json_object' } }, 'response_format.type'],
  ['logprobs', { logprobs: true }, 'logprobs'],
  ['audio', { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } }, 'modalities'],
  [
    'an image',
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: png } }] }] },
    'messages.0.content.0',
  ],
  ['a tool’s message', { messages: [{ role: 'tool', content: 'x', tool_call_id: 'y' }] }, 'messages.0.role'],
  ['an unknown role', { messages: [{ role: 'constructor', content: 'x' }] }, 'messages.0.role'],
  ['no messages', { messages: [] }, 'messages'],
  ['a temperature of 3', { temperature: 3 }, 'temperature'],
];
for (const [name, body, param] of refused) {
  test(`${name} is refused as OpenAI refuses, with the parameter named`, async () => {
    const asked = client().chat.completions.create({ model: 'rehearsal', messages: hello, ...body } as never);
    await assert.rejects(asked, (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError, String(error));
      assert.equal(error.type, 'invalid_request_error');
      assert.equal(error.param, param);
      return true;
    });
  });
}

test('a provider’s failure before the first token is a status, also where a stream was asked for', async () => {
  for (const stream of [false, true]) {
    standIn.script({ does: 'refuse', why: 'rate_limited', headers: { 'retry-after': '120' } });
    const asked = client().chat.completions.create({ model: 'openai/gpt-5-mini', messages: hello, stream });
    await assert.rejects(asked, (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.equal(error.headers?.get('retry-after'), '120');
      return error.code === 'model_rate_limited' && error.type === 'rate_limit_error';
    });
    standIn.script({ does: 'refuse', why: 'context_length' });
    const long = client().chat.completions.create({ model: 'openai/gpt-5-mini', messages: hello, stream });
    await assert.rejects(long, OpenAI.BadRequestError);
    standIn.script({ does: 'refuse', why: 'wrong_key' });
    const locked = client().chat.completions.create({ model: 'openai/gpt-5-mini', messages: hello, stream });
    await assert.rejects(locked, { status: 502, code: 'model_authentication' });
  }
});

test('a provider that breaks off in the middle ends the stream with an error, not with [DONE]', async () => {
  standIn.script({ does: 'cut' });
  const stream = await client().chat.completions.create({ model: 'openai/gpt-5-mini', messages: hello, stream: true });
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  }, OpenAI.APIError);
  assert.equal(text, 'Hello, world.');
});

test('a client that leaves closes the provider’s connection', async () => {
  standIn.script({ does: 'hang_midway' });
  const seen = standIn.received.length;
  const stream = await client().chat.completions.create({ model: 'openai/gpt-5-mini', messages: hello, stream: true });
  for await (const _ of stream) break;
  await (await standIn.asked(seen + 1)).abandoned;
});

test('models that are not there are a 404, foreign or missing alike', async () => {
  for (const model of ['agent:nobody', 'nope', 'acme/model', 'local/llama', '/x', 'openai/']) {
    const asked = client().chat.completions.create({ model, messages: hello });
    await assert.rejects(asked, (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
  }
  const stranger = await world.makeTenant();
  const ctx = world.ctx(stranger);
  await world.db.inTx(ctx, (tx) => agents.create(tx, { name: 'secret', model: 'rehearsal' }));
  const asked = client().chat.completions.create({ model: 'agent:secret', messages: hello });
  await assert.rejects(asked, OpenAI.NotFoundError);
});

test('what the key may is checked: models, and agents by their own permission', async () => {
  await assert.rejects(
    client({ key: 'models:read' }).chat.completions.create({ model: 'rehearsal', messages: hello }),
    {
      status: 403,
    },
  );
  const asked = client({ key: 'models:invoke' }).chat.completions.create({ model: 'agent:ada', messages: hello });
  await assert.rejects(asked, { status: 403, code: 'permission_denied' });
  const rehearsed = await client({ key: 'models:invoke' }).chat.completions.create({
    model: 'rehearsal',
    messages: hello,
  });
  assert.equal(rehearsed.object, 'chat.completion');
});
