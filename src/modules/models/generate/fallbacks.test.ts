import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { openaiProtocol } from '../../../../test/support/providers/openai.ts';
import { type Behaviour, StandIn } from '../../../../test/support/providers/stand-in.ts';
import { type ModelsWorld, modelsWorld } from '../../../../test/support/providers/world.ts';
import type { Ctx } from '../../../platform/context.ts';
import { AppError } from '../../../platform/http/errors.ts';
import type { GenerateRequest, Generation } from '../contract.ts';
import { Rests } from './rests.ts';
import type { Timeouts } from './run.ts';

let world: ModelsWorld;
let tenantId: string;
/** Two providers on two addresses: `openai/…` is asked first, `local/…` takes its place. */
let first: StandIn;
let second: StandIn;
before(async () => {
  world = await modelsWorld();
  [first, second] = await Promise.all([StandIn.start(openaiProtocol), StandIn.start(openaiProtocol)]);
  // The providers' packages are loaded with their first request, which here would take a part of the short timeouts.
  tenantId = await world.makeTenant();
  const ask = asking();
  await Promise.all([ask(ctx(), { fallbacks: [] }).result, ask(ctx(), { model: SECOND, fallbacks: [] }).result]);
});
after(async () => {
  await world.close();
  await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
});
beforeEach(async () => {
  tenantId = await world.makeTenant();
  first.received.length = 0;
  second.received.length = 0;
  second.script({ does: 'answer', pieces: ['From ', 'the second.'] });
});

const FIRST = 'openai/gpt-5-mini';
const SECOND = 'local/llama3.2';
const PATIENT: Timeouts = { firstTokenMs: 30_000, idleMs: 30_000, totalMs: 30_000 };
const ctx = (signal?: AbortSignal): Ctx => world.ctx(tenantId, signal && { signal });

/** A models module of its own, so that nothing rests from another test. */
function asking(timeouts = PATIENT, secrets = { apiKey: 'sk-first' }) {
  const models = world.models({
    providers: { openai: { ...secrets, baseUrl: first.baseUrl }, compatible: { baseUrl: second.baseUrl } },
    timeouts,
  });
  return (ctx: Ctx, request: Partial<GenerateRequest> = {}): Generation =>
    models.stream(ctx, {
      model: FIRST,
      fallbacks: [SECOND],
      messages: [{ role: 'user', content: 'Hello?' }],
      purpose: { kind: 'chat' },
      ...request,
    });
}
const recordsOf = async (ctx: Ctx) =>
  (await world.traces.list(ctx, { before: undefined, limit: 100 }))
    .reverse()
    .map(({ model, status, error_code, id }) => ({ model, status, error_code, id }));

const failures: [string, Behaviour, string][] = [
  ['500s', { does: 'refuse', why: 'broken', headers: { 'retry-after-ms': '1' } }, 'model_unavailable'],
  ['a 503', { does: 'refuse', why: 'overloaded', headers: { 'retry-after-ms': '1' } }, 'model_unavailable'],
  [
    'a 429 with Retry-After',
    { does: 'refuse', why: 'rate_limited', headers: { 'retry-after': '2' } },
    'model_rate_limited',
  ],
  ['a quota that is used up', { does: 'refuse', why: 'out_of_funds' }, 'model_rate_limited'],
  ['a key that is refused', { does: 'refuse', why: 'wrong_key' }, 'model_authentication'],
  ['a model that the provider does not know', { does: 'refuse', why: 'no_such_model' }, 'model_not_found'],
  ['a connection that is reset', { does: 'cut', pieces: [] }, 'model_unavailable'],
  ['a stream that ends without a word', { does: 'end_early', pieces: [] }, 'model_unavailable'],
  ['an error inside of the stream', { does: 'fail_midway', pieces: [] }, 'model_unavailable'],
];
for (const [name, behaviour, code] of failures) {
  test(`${name}: the next model is asked, and each has its record`, async () => {
    first.script(behaviour);
    const caller = ctx();
    const generation = asking()(caller);
    const pieces = await Array.fromAsync(generation.text);
    const result = await generation.result;
    assert.deepEqual([pieces.join(''), result.model], ['From the second.', SECOND]);
    assert.deepEqual(
      result.inVain?.map(({ model, code }) => ({ model, code })),
      [{ model: FIRST, code }],
    );
    assert.equal(result.generationId, generation.id);
    assert.deepEqual(await recordsOf(caller), [
      { model: FIRST, status: 'failed', error_code: code, id: result.inVain?.[0]?.id },
      { model: SECOND, status: 'succeeded', error_code: null, id: generation.id },
    ]);
    assert.ok(first.received.length <= 2, 'a broken line is mended once, an outage is not waited for');
    assert.equal(second.received.length, 1);
  });
}

test('a server that is not there, and a model that is unknown here: the next one is asked', async () => {
  const gone = await StandIn.start(openaiProtocol);
  const nowhere = gone.baseUrl;
  await gone[Symbol.asyncDispose]();
  const models = world.models({
    providers: { openai: { apiKey: 'x', baseUrl: nowhere }, compatible: { baseUrl: second.baseUrl } },
    timeouts: PATIENT,
  });
  const request = { messages: [{ role: 'user', content: 'Hello?' }], purpose: { kind: 'chat' } } as const;
  const { inVain, model } = await models.stream(ctx(), {
    ...request,
    model: 'acme/best',
    fallbacks: [FIRST, SECOND, 'rehearsal'],
  }).result;
  assert.equal(model, SECOND);
  assert.deepEqual(
    inVain?.map((one) => [one.model, one.code, one.id === undefined]),
    [
      ['acme/best', 'model_not_found', true],
      [FIRST, 'model_unavailable', false],
    ],
  );
});

test('a model that hangs before the first byte is cut so that the next one still fits in', async () => {
  first.script({ does: 'hang_before_headers' });
  const caller = ctx();
  const generation = asking()(caller, { timeoutMs: 4_000 });
  const { text, inVain } = await generation.result;
  assert.deepEqual([text, inVain?.[0]?.code], ['From the second.', 'model_timeout']);
  await (await first.asked()).abandoned;
  assert.deepEqual(
    (await recordsOf(caller)).map(({ status }) => status),
    ['failed', 'succeeded'],
  );
});

test('what hangs in the middle of its words is not passed on: what was said is never taken back', async () => {
  first.script({ does: 'hang_midway', pieces: ['Once'] });
  const caller = ctx();
  const generation = asking({ ...PATIENT, idleMs: 1_500 })(caller);
  const pieces: string[] = [];
  await assert.rejects(
    async () => {
      for await (const piece of generation.text) pieces.push(piece);
    },
    (error: AppError) => error.code === 'model_timeout',
  );
  assert.deepEqual([pieces, generation.inVain, second.received.length], [['Once'], [], 0]);
  assert.deepEqual(
    (await recordsOf(caller)).map(({ model, error_code, id }) => [model, error_code, id === generation.id]),
    [[FIRST, 'model_timeout', true]],
  );
});

for (const why of ['context_length', 'content_filter', 'bad_parameter'] as const) {
  test(`${why} is the request's own fault, and is not passed on`, async () => {
    first.script({ does: 'refuse', why });
    await assert.rejects(asking()(ctx()).result, AppError);
    assert.equal(second.received.length, 0);
  });
}

test('where all fail, the last one’s failure is told, and what came before it', async () => {
  first.script({ does: 'refuse', why: 'wrong_key' });
  second.script({ does: 'refuse', why: 'rate_limited', headers: { 'retry-after': '90' } });
  const caller = ctx();
  const generation = asking()(caller);
  const error = await generation.result.then(
    () => assert.fail('it succeeded'),
    (thrown: AppError) => thrown,
  );
  assert.equal(error.code, 'model_rate_limited');
  assert.equal(error.headers['retry-after'], '90');
  assert.match(error.message, /Before it: openai\/gpt-5-mini \(model_authentication\)\.$/);
  assert.deepEqual((error.details as { fallbacks: unknown }).fallbacks, [
    { model: FIRST, code: 'model_authentication' },
  ]);
  assert.deepEqual(
    (await recordsOf(caller)).map(({ id, error_code }) => [error_code, id === generation.id]),
    [
      ['model_authentication', false],
      ['model_rate_limited', true],
    ],
  );
});

test('a refused key is not tried by every request; another key, and one without an alternative, is', async () => {
  first.script({ does: 'refuse', why: 'wrong_key' });
  const ask = asking();
  const caller = ctx();
  for (let call = 0; call < 5; call++) assert.equal((await ask(caller).result).model, SECOND);
  assert.equal(first.received.length, 1);
  const { inVain } = await ask(caller).result;
  assert.deepEqual(inVain, [{ model: FIRST, code: 'model_authentication' }], 'passed over, which is no generation');
  await assert.rejects(ask(caller, { fallbacks: [] }).result, { code: 'model_authentication' });
  assert.equal(first.received.length, 2, 'alone, it is asked');
  const stranger = world.ctx(await world.makeTenant());
  await ask(stranger).result;
  assert.equal(first.received.length, 3, 'a tenant learns nothing of another');
  first.script({ does: 'answer' });
  assert.equal((await ask(caller, { fallbacks: [] }).result).model, FIRST);
  assert.equal((await ask(caller).result).model, FIRST, 'once it has answered, it rests no more');
});

test('an abort while the second is asked ends it there; the first had its record', async () => {
  first.script({ does: 'refuse', why: 'wrong_key' });
  second.script({ does: 'hang_before_headers' });
  const controller = new AbortController();
  const caller = ctx(controller.signal);
  const generation = asking()(caller);
  const { abandoned } = await second.asked();
  controller.abort(new DOMException('enough', 'AbortError'));
  await abandoned;
  await assert.rejects(generation.result, { message: 'enough' });
  assert.deepEqual(
    (await recordsOf(ctx())).map(({ status, id }) => [status, id === generation.id]),
    [
      ['failed', false],
      ['aborted', true],
    ],
  );
});

test('an abort while the first is asked goes no further', async () => {
  first.script({ does: 'hang_before_headers' });
  const controller = new AbortController();
  const generation = asking()(ctx(controller.signal));
  await first.asked();
  controller.abort(new DOMException('enough', 'AbortError'));
  await assert.rejects(generation.result, { message: 'enough' });
  assert.equal(second.received.length, 0);
});

test('rests end, are bounded, and belong to a key and an address', () => {
  let now = 0;
  const rests = new Rests(() => now);
  const source = (id: string, secret = 'a', baseUrl = 'x') => ({ id, secret, baseUrl }) as never;
  rests.failed('t', source('m'), new AppError('model_authentication'));
  assert.equal(rests.of('t', source('m')), 'model_authentication');
  assert.equal(rests.of('t', source('m', 'b')), undefined, 'another key');
  assert.equal(rests.of('t', source('m', 'a', 'y')), undefined, 'another address');
  assert.equal(rests.of('u', source('m')), undefined, 'another tenant');
  now = 60_000;
  assert.equal(rests.of('t', source('m')), undefined);
  const slow = (seconds: string) => new AppError('model_rate_limited', { headers: { 'retry-after': seconds } });
  rests.failed('t', source('m'), slow('20'));
  now += 19_999;
  assert.equal(rests.of('t', source('m')), 'model_rate_limited');
  now += 1;
  assert.equal(rests.of('t', source('m')), undefined);
  rests.failed('t', source('m'), slow('86400'));
  now += 60_000;
  assert.equal(rests.of('t', source('m')), undefined, 'a minute at most');
  rests.failed('t', source('m'), new AppError('model_context_length'));
  assert.equal(rests.of('t', source('m')), undefined, 'only what is the model’s own');
  for (let n = 0; n <= 1_000; n++) rests.failed('t', source(`m${n}`), new AppError('model_not_found'));
  assert.equal(rests.of('t', source('m0')), undefined, 'the oldest gave way');
  assert.equal(rests.of('t', source('m1000')), 'model_not_found');
});
