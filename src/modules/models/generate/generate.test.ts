import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { anthropicProtocol } from '../../../../test/support/providers/anthropic.ts';
import { googleProtocol } from '../../../../test/support/providers/google.ts';
import { openaiProtocol } from '../../../../test/support/providers/openai.ts';
import { type Behaviour, type Protocol, type Refusal, StandIn } from '../../../../test/support/providers/stand-in.ts';
import { type ModelsWorld, modelsWorld } from '../../../../test/support/providers/world.ts';
import type { Ctx } from '../../../platform/context.ts';
import { AppError, type ErrorCode } from '../../../platform/http/errors.ts';
import type { GenerateRequest, Generation } from '../contract.ts';

let world: ModelsWorld;
let tenantId: string;
before(async () => {
  world = await modelsWorld();
  tenantId = await world.makeTenant();
  // The providers' packages are loaded with their first request, which here would take a part of the short timeouts.
  for (const each of WIRES) {
    await using it = await wire(each);
    await it.ask(world.ctx(tenantId)).result;
  }
});
after(() => world.close());

const KEY = 'sk-test-secret-1234';
const WIRES: readonly { protocol: Protocol; provider: string; model: string }[] = [
  { protocol: openaiProtocol, provider: 'openai', model: 'gpt-5-mini' },
  { protocol: openaiProtocol, provider: 'local', model: 'llama3.2' },
  { protocol: anthropicProtocol, provider: 'anthropic', model: 'claude-sonnet-4-5' },
  { protocol: googleProtocol, provider: 'google', model: 'gemini-2.5-flash' },
];
/** Never reached, however busy the machine is; a test of a timeout brings a short one. */
const PATIENT = { firstTokenMs: 30_000, idleMs: 30_000, totalMs: 30_000 };

/** A provider's stand-in, and a way to ask it. */
async function wire({ protocol, provider, model }: (typeof WIRES)[number], timeouts = PATIENT) {
  const standIn = await StandIn.start(protocol);
  const settings = { apiKey: KEY, baseUrl: standIn.baseUrl };
  const models = world.models({ providers: { [provider === 'local' ? 'compatible' : provider]: settings }, timeouts });
  const ask = (ctx: Ctx, request: Partial<GenerateRequest> = {}): Generation =>
    models.stream(ctx, {
      model: `${provider}/${model}`,
      messages: [
        { role: 'system', content: 'You are brief.' },
        { role: 'user', name: 'ada', content: 'Hello?' },
      ],
      purpose: { kind: 'chat' },
      ...request,
    });
  return { standIn, ask, [Symbol.asyncDispose]: () => standIn[Symbol.asyncDispose]() };
}

async function read(generation: Generation): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of generation.text) pieces.push(piece);
  return pieces;
}

const recordOf = (ctx: Ctx, generation: Generation) =>
  world.traces.get({ ...ctx, signal: new AbortController().signal }, generation.id);

async function failure(generation: Generation): Promise<AppError> {
  const error = await generation.result.then(
    () => assert.fail('the generation succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AppError, String(error));
  await assert.rejects(read(generation), (thrown) => thrown === error);
  return error;
}

for (const each of WIRES) {
  const { provider } = each;

  test(`${provider}: an answer comes piece by piece and is recorded with its tokens, cost and times`, async () => {
    await using it = await wire(each);
    const ctx = world.ctx(tenantId);
    it.standIn.script({ does: 'answer', usage: { input: 1000, output: 100 } });
    const generation = it.ask(ctx, {
      parameters: { maxTokens: 300, stop: ['END'] },
      purpose: { kind: 'agent', agentId: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0a01' },
    });
    assert.deepEqual(await read(generation), ['Hello', ', ', 'world', '.']);
    const result = await generation.result;
    assert.equal(result.text, 'Hello, world.');
    assert.equal(result.model, `${provider}/${each.model}`);
    assert.equal(result.finishReason, 'stop');
    assert.equal(result.rehearsal, false);
    // Anthropic tells the input with its head, so the stand-in's own number stands there.
    const inputTokens = provider === 'anthropic' ? 12 : 1000;
    assert.deepEqual(
      { ...result.usage, cachedInputTokens: undefined },
      { inputTokens, outputTokens: 100, estimated: false, cachedInputTokens: undefined },
    );
    if (provider === 'local') assert.equal(result.costNanoUsd, null);
    else assert.ok(Number.isInteger(result.costNanoUsd) && (result.costNanoUsd ?? 0) > 0);
    const record = await recordOf(ctx, generation);
    assert.equal(record.status, 'succeeded');
    assert.equal(record.cost_nano_usd, result.costNanoUsd);
    assert.equal(record.input_tokens, inputTokens);
    assert.equal(record.output_characters, 13);
    assert.equal(record.attempts, 1);
    assert.equal(record.agent_id, '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0a01');
    assert.equal(record.trace_id, ctx.trace.traceId);
    assert.ok((record.time_to_first_token_ms ?? -1) >= 0 && record.duration_ms >= (record.time_to_first_token_ms ?? 0));
    const events = world.events.filter(({ subject }) => subject === generation.id);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['generation_recorded'],
    );
    const [announced] = events.map(({ data }) => data as { cost_nano_usd: number | null });
    assert.equal(announced?.cost_nano_usd, result.costNanoUsd);
    const [{ body, headers }] = it.standIn.received as [(typeof it.standIn.received)[0]];
    assert.match(JSON.stringify(body), /ada: Hello\?/);
    assert.match(JSON.stringify(body), /You are brief\./);
    assert.match(JSON.stringify(body), /300/);
    assert.ok(JSON.stringify(headers).includes(KEY));
  });

  const refusals: [Refusal, ErrorCode][] = [
    ['wrong_key', 'model_authentication'],
    ['out_of_funds', 'model_rate_limited'],
    ['context_length', 'model_context_length'],
    ['content_filter', 'model_content_filter'],
    ['no_such_model', 'model_not_found'],
    ['bad_parameter', 'model_refused'],
  ];
  for (const [why, code] of refusals) {
    test(`${provider}: ${why} is ${code}, asked once and recorded`, async () => {
      await using it = await wire(each);
      const ctx = world.ctx(tenantId);
      it.standIn.script({ does: 'refuse', why });
      const generation = it.ask(ctx);
      const error = await failure(generation);
      assert.equal(error.code, code);
      assert.equal(it.standIn.received.length, 1);
      assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /secret-1234/);
      const record = await recordOf(ctx, generation);
      assert.deepEqual(
        [record.status, record.error_code, record.input_tokens, record.output_tokens, record.time_to_first_token_ms],
        ['failed', code, 0, 0, null],
      );
    });
  }

  for (const why of ['rate_limited', 'overloaded', 'broken'] as const) {
    test(`${provider}: ${why} before the first token is asked again`, async () => {
      await using it = await wire(each);
      const ctx = world.ctx(tenantId);
      it.standIn.script({ does: 'refuse', why, headers: { 'retry-after-ms': '5' } }, { does: 'answer' });
      const generation = it.ask(ctx);
      assert.equal((await generation.result).text, 'Hello, world.');
      assert.equal((await recordOf(ctx, generation)).attempts, 2);
    });
  }

  const broken: [Behaviour, ErrorCode][] = [
    [{ does: 'cut' }, 'model_unavailable'],
    [{ does: 'end_early' }, 'model_unavailable'],
    [{ does: 'malformed' }, 'model_unavailable'],
    [{ does: 'fail_midway' }, 'model_unavailable'],
    [{ does: 'hang_midway' }, 'model_timeout'],
  ];
  for (const [behaviour, code] of broken) {
    test(`${provider}: ${behaviour.does} after tokens is ${code}, never asked again, what came is recorded`, async () => {
      await using it = await wire(each, { ...PATIENT, ...(behaviour.does === 'hang_midway' && { idleMs: 1_000 }) });
      const ctx = world.ctx(tenantId);
      it.standIn.script(behaviour);
      const generation = it.ask(ctx);
      const pieces: string[] = [];
      await assert.rejects(
        (async () => {
          for await (const piece of generation.text) pieces.push(piece);
        })(),
        (error: AppError) => error.code === code,
      );
      assert.equal(pieces.join(''), 'Hello, world.');
      assert.equal(it.standIn.received.length, 1);
      const record = await recordOf(ctx, generation);
      assert.deepEqual([record.status, record.error_code], ['failed', code]);
      assert.equal(record.output_characters, 13);
      assert.equal(record.tokens_estimated, true);
      assert.equal(record.output_tokens, 4);
    });
  }

  test(`${provider}: a hang before the headers is model_timeout, and the connection is closed`, async () => {
    await using it = await wire(each, { ...PATIENT, firstTokenMs: 500 });
    it.standIn.script({ does: 'hang_before_headers' });
    const error = await failure(it.ask(world.ctx(tenantId)));
    assert.equal(error.code, 'model_timeout');
    assert.equal(it.standIn.received.length, 1);
    await it.standIn.received[0]?.abandoned;
  });

  for (const does of ['hang_before_headers', 'hang_midway'] as const) {
    test(`${provider}: an abort during ${does} reaches the provider's socket`, async () => {
      await using it = await wire(each);
      const controller = new AbortController();
      const ctx = world.ctx(tenantId, { signal: controller.signal });
      it.standIn.script({ does });
      const generation = it.ask(ctx);
      const { abandoned } = await it.standIn.asked();
      if (does === 'hang_midway') await generation.text[Symbol.asyncIterator]().next();
      controller.abort(new DOMException('enough', 'AbortError'));
      await abandoned;
      await assert.rejects(generation.result, { name: 'AbortError', message: 'enough' });
      assert.equal((await recordOf(ctx, generation)).status, 'aborted');
    });
  }

  test(`${provider}: without counts of the provider, tokens are estimated and marked`, async () => {
    await using it = await wire(each);
    it.standIn.script({ does: 'answer', usage: null });
    const { usage } = await it.ask(world.ctx(tenantId)).result;
    // Anthropic's wire always has counts.
    assert.equal(usage.estimated, provider !== 'anthropic');
    assert.ok(usage.inputTokens > 0);
  });

  test(`${provider}: an answer cut by a filter or a limit says so`, async () => {
    await using it = await wire(each);
    const ctx = world.ctx(tenantId);
    it.standIn.script({ does: 'answer', finish: 'length' }, { does: 'answer', finish: 'content_filter' });
    assert.equal((await it.ask(ctx).result).finishReason, 'length');
    assert.equal((await it.ask(ctx).result).finishReason, 'content_filter');
    it.standIn.script({ does: 'answer', pieces: [], finish: 'content_filter' });
    assert.equal((await failure(it.ask(ctx))).code, 'model_content_filter');
  });
}

const [openai] = WIRES as [(typeof WIRES)[0]];

test('a reader that leaves stops the generation at the provider', async () => {
  await using it = await wire(openai);
  const ctx = world.ctx(tenantId);
  it.standIn.script({ does: 'answer', pieces: Array.from({ length: 500 }, (_, i) => `${i} `), gapMs: 5 });
  const generation = it.ask(ctx);
  for await (const _ of generation.text) break;
  await it.standIn.received[0]?.abandoned;
  await assert.rejects(generation.result, { name: 'AbortError' });
  const record = await recordOf(ctx, generation);
  assert.equal(record.status, 'aborted');
  assert.ok(record.output_characters > 0 && record.output_characters < 1000);
});

test('nobody needs to read the text, and it can be read after the end', async () => {
  await using it = await wire(openai);
  const generation = it.ask(world.ctx(tenantId));
  assert.equal((await generation.result).text, 'Hello, world.');
  assert.equal((await read(generation)).join(''), 'Hello, world.');
});

test('a provider that asks to wait for long is not waited for: its Retry-After is passed on', async () => {
  await using it = await wire(openai);
  it.standIn.script({ does: 'refuse', why: 'rate_limited', headers: { 'retry-after': '120' } });
  const error = await failure(it.ask(world.ctx(tenantId)));
  assert.equal(error.code, 'model_rate_limited');
  assert.equal(error.headers['retry-after'], '120');
  assert.equal(it.standIn.received.length, 1);
});

test('asking again ends after three tries', async () => {
  await using it = await wire(openai);
  const ctx = world.ctx(tenantId);
  it.standIn.script({ does: 'refuse', why: 'broken', headers: { 'retry-after-ms': '1' } });
  const generation = it.ask(ctx);
  assert.equal((await failure(generation)).code, 'model_unavailable');
  assert.equal((await recordOf(ctx, generation)).attempts, 3);
});

test('retries are at most a fifth of the calls, beyond a first burst', async () => {
  await using it = await wire(openai);
  it.standIn.script({ does: 'refuse', why: 'broken', headers: { 'retry-after-ms': '1' } });
  for (let call = 0; call < 20; call++) await failure(it.ask(world.ctx(tenantId)));
  // 20 calls, a burst of 10, and a fifth of what was called meanwhile.
  assert.ok(it.standIn.received.length <= 20 + 10 + 4, String(it.standIn.received.length));
});

test('the time for all tries together ends a slow answer, and what came is kept', async () => {
  await using it = await wire(openai);
  const ctx = world.ctx(tenantId);
  it.standIn.script({ does: 'answer', pieces: Array.from({ length: 500 }, () => 'word '), gapMs: 5 });
  // Longer than the first word may take on a busy machine, and less than half of what the answer takes.
  const generation = it.ask(ctx, { timeoutMs: 1_000 });
  assert.equal((await generation.result.catch((error: AppError) => error.code)) as string, 'model_timeout');
  assert.ok((await recordOf(ctx, generation)).output_characters > 0);
});

test('a server that is not there is model_unavailable after three tries', async () => {
  const it = await wire(openai);
  await it[Symbol.asyncDispose]();
  const ctx = world.ctx(tenantId);
  const generation = it.ask(ctx);
  assert.equal((await failure(generation)).code, 'model_unavailable');
  assert.equal((await recordOf(ctx, generation)).attempts, 3);
});

test('a redirect of a provider is not followed, so that no key goes elsewhere', async () => {
  await using it = await wire(openai);
  await using other = await StandIn.start(openaiProtocol);
  it.standIn.script({ does: 'redirect', to: `${other.baseUrl}/chat/completions` });
  assert.equal((await failure(it.ask(world.ctx(tenantId)))).code, 'model_refused');
  assert.equal(other.received.length, 0);
});

test('a signal that has aborted before means that nobody is asked', async () => {
  await using it = await wire(openai);
  const generation = it.ask(world.ctx(tenantId, { signal: AbortSignal.abort() }));
  await assert.rejects(generation.result, { name: 'AbortError' });
  assert.equal(it.standIn.received.length, 0);
});
