/*
 * The server over real sockets. What makes the words stands in for llama.cpp, which lies outside: `engine.test.ts` tries
 * the real one, where it is installed.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import OpenAI from 'openai';
import type { Answer, ChatRequest, Engine } from './contract.ts';
import { type ModelServer, serveModel } from './serve.ts';

type Script = (request: ChatRequest, to: { signal: AbortSignal; onText: (text: string) => void }) => Promise<Answer>;
const DONE: Answer = { finishReason: 'stop', promptTokens: 3, cachedTokens: 1, completionTokens: 2 };
const WORDS = ['Hel', 'lo', ''];
const hello: Script = async (_, { onText }) => {
  for (const word of WORDS) onText(word);
  return DONE;
};

/** Until the signal aborts; tells who has come, and who has gone. */
function hanging() {
  const [begun, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const script: Script = (_, { signal, onText }) =>
    new Promise((_, reject) => {
      onText('One moment');
      signal.addEventListener('abort', () => {
        left.resolve();
        reject(signal.reason);
      });
      begun.resolve();
    });
  return { script, begun: begun.promise, left: left.promise };
}

async function serving(script: Script = hello, options: { slots?: number; places?: number; pingMs?: number } = {}) {
  const { slots = 1, ...rest } = options;
  const asked: ChatRequest[] = [];
  const engine: Engine = {
    ...{ model: 'tiny', contextTokens: 100, slots },
    count: (messages) => messages.reduce((sum, { text }) => sum + text.length, 0),
    generate: (wanted, to) => {
      asked.push(wanted);
      return script(wanted, to);
    },
    close: async () => {},
  };
  const server = await serveModel({ engine, port: 0, ...rest });
  return { ...server, asked, origin: new URL(server.url).origin, [Symbol.asyncDispose]: () => server.close() };
}

const messages = [{ role: 'user' as const, content: 'Hello?' }];
const post = ({ url }: Pick<ModelServer, 'url'>, body: object, init: RequestInit = {}) =>
  fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages, ...body }),
    ...init,
  });
type Health = { status: string; model: string; slots: number; busy: number; waiting: number };
const health = async ({ origin }: { origin: string }) => (await (await fetch(`${origin}/health`)).json()) as Health;

test('health, the list of models, and one of them', async () => {
  await using server = await serving();
  assert.deepEqual(await health(server), { status: 'ok', model: 'tiny', slots: 1, busy: 0, waiting: 0 });
  const { object, data } = (await (await fetch(`${server.url}/models`)).json()) as {
    object: string;
    data: { id: string }[];
  };
  assert.deepEqual([object, data.map(({ id }) => id)], ['list', ['tiny']]);
  assert.deepEqual(await (await fetch(`${server.url}/models/tiny`)).json(), data[0]);
});

test('OpenAI’s own client is answered, whole and streamed, with usage', async () => {
  await using server = await serving();
  const openai = new OpenAI({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
  const whole = await openai.chat.completions.create({ model: 'tiny', messages, max_tokens: 9, seed: 7, stop: ['x'] });
  assert.deepEqual(
    [whole.choices[0]?.message.content, whole.choices[0]?.finish_reason, whole.usage],
    ['Hello', 'stop', usage],
  );
  assert.deepEqual(server.asked[0]?.messages, [{ role: 'user', text: 'Hello?' }]);
  const { maxTokens, seed, stop, temperature } = server.asked[0] as ChatRequest;
  assert.deepEqual([maxTokens, seed, stop, temperature], [9, 7, ['x'], undefined]);

  const stream = await openai.chat.completions.create({
    ...{ model: 'tiny', messages, stream: true, stream_options: { include_usage: true } },
  });
  const chunks = await Array.fromAsync(stream);
  assert.equal(chunks.map(({ choices: [choice] }) => choice?.delta.content ?? '').join(''), 'Hello');
  assert.deepEqual(
    chunks.map(({ choices: [choice] }) => choice?.finish_reason).filter((reason) => reason != null),
    ['stop'],
  );
  assert.deepEqual(chunks.at(-1)?.usage, usage);
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
});

const usage = {
  ...{ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  prompt_tokens_details: { cached_tokens: 1 },
};

test('a stream tells its usage only where that was asked for, and ends with [DONE]', async () => {
  await using server = await serving();
  const text = await (await post(server, { stream: true })).text();
  assert.equal(text.includes('usage'), false);
  assert(text.endsWith('data: [DONE]\n\n'));
});

test('a client that leaves stops the model, streamed or not, and also while it waits', async () => {
  for (const stream of [true, false]) {
    const { script, begun, left } = hanging();
    await using server = await serving(script);
    const leaving = new AbortController();
    const ask = async (signal: AbortSignal) =>
      assert.rejects(async () => (await post(server, { stream }, { signal })).text(), { name: 'AbortError' });
    const answer = ask(leaving.signal);
    await begun;
    const waiting = new AbortController();
    const next = ask(waiting.signal);
    while ((await health(server)).waiting === 0);
    waiting.abort();
    await next;
    while ((await health(server)).waiting === 1);
    leaving.abort();
    await left;
    await answer;
    while ((await health(server)).busy === 1);
    assert.equal(server.asked.length, 1, 'who gave up while waiting was never begun');
  }
});

test('as many as there are hands work at once, some wait in their order, and more are told to come back', async () => {
  const gates: (() => void)[] = [];
  const script: Script = async ({ seed }, { onText }) => {
    await new Promise<void>((resolve) => gates.push(resolve));
    onText(String(seed));
    return DONE;
  };
  await using server = await serving(script, { slots: 2, places: 2 });
  const until = async (busy: number, waiting: number) => {
    for (;;) {
      const state = await health(server);
      if (state.busy === busy && state.waiting === waiting) return;
    }
  };
  const answers: Promise<Response>[] = [];
  for (const [busy, waiting] of [
    [1, 0],
    [2, 0],
    [2, 1],
    [2, 2],
  ] as const) {
    answers.push(post(server, { seed: answers.length }));
    await until(busy, waiting);
  }
  const refused = await post(server, {});
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '2']);
  assert.equal((await errorOf(refused)).code, 'queue_full');
  for (let open = 0; open < 4; open += 1) {
    while (gates.length <= open) await health(server);
    gates[open]?.();
  }
  const said = await Promise.all(answers.map(async (answer) => ((await (await answer).json()) as Whole).choices[0]));
  assert.deepEqual(
    said.map((choice) => choice?.message.content),
    ['0', '1', '2', '3'],
  );
  assert.deepEqual(
    server.asked.map(({ seed }) => seed),
    [0, 1, 2, 3],
  );
  await until(0, 0);
});

type Whole = { choices: { message: { content: string } }[] };
const errorOf = async (answer: Response) =>
  ((await answer.json()) as { error: { message: string; type: string; param: string | null; code: string } }).error;

test('a request that cannot be answered is told which field is wrong', async () => {
  await using server = await serving();
  const told = async (answer: Response) => {
    const { type, param, code } = await errorOf(answer);
    return [answer.status, type, param, code];
  };
  const bad = 'invalid_request_error';
  assert.deepEqual(await told(await post(server, { temperature: 9 })), [400, bad, 'temperature', 'invalid_value']);
  assert.deepEqual(await told(await post(server, { model: 'gpt' })), [404, bad, 'model', 'model_not_found']);
  const long = await post(server, { messages: [{ role: 'user', content: 'x'.repeat(100) }] });
  assert.deepEqual(await told(long.clone()), [400, bad, 'messages', 'context_length_exceeded']);
  assert.match((await errorOf(long)).message, /100 tokens: this model's maximum context length is 100 tokens/);
  const large = 'x'.repeat(2 * 1024 * 1024 + 1);
  assert.deepEqual(await told(await post(server, {}, { body: large })), [413, bad, 'body', 'body_too_large']);
  const plain = await post(server, {}, { headers: { 'content-type': 'text/plain' } });
  assert.deepEqual(await told(plain), [415, bad, 'Content-Type', 'unsupported_media_type']);
  assert.deepEqual(await told(await fetch(`${server.url}/embeddings`)), [404, bad, null, 'not_found']);
  assert.deepEqual(await told(await fetch(`${server.url}/toString`)), [404, bad, null, 'not_found']);
  const got = await fetch(`${server.url}/chat/completions`);
  assert.deepEqual([...(await told(got)), got.headers.get('allow')], [405, bad, null, 'method_not_allowed', 'POST']);
  assert.equal(server.asked.length, 0);
});

test('a name that leads here from elsewhere is not answered', async () => {
  await using server = await serving();
  const asked = request(`${server.url}/models`, { headers: { host: 'rebound.example:8135' } }).end();
  const [answer] = await once(asked, 'response');
  assert.equal(answer.statusCode, 403);
  answer.resume();
});

test('a model that fails is told of: as an error before anything was said, inside the stream afterwards', async () => {
  const failing: Script = async () => {
    throw new Error('out of memory');
  };
  await using server = await serving(failing);
  const whole = await post(server, {});
  assert.deepEqual([whole.status, (await errorOf(whole)).type], [500, 'server_error']);
  const streamed = await (await post(server, { stream: true })).text();
  assert.match(streamed, /data: \{"error":\{"message":"The model failed[^\n]+"type":"server_error"/);
  assert.equal(streamed.includes('out of memory'), false);
  assert.equal(streamed.includes('[DONE]'), false);
});

test('while a long prompt is read, a stream shows that it lives', async () => {
  const gate = Promise.withResolvers<void>();
  const script: Script = async (_, { onText }) => {
    await gate.promise;
    onText('at last');
    return DONE;
  };
  await using server = await serving(script, { pingMs: 1 });
  const answer = await post(server, { stream: true });
  let text = '';
  for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(piece).toString();
    if (text.includes(': still reading\n\n')) gate.resolve();
  }
  assert.match(text, /at last/);
});

test('a server that stops ends what is being said, and says so', async () => {
  const { script, begun } = hanging();
  const server = await serving(script);
  const answer = post(server, { stream: true }).then((response) => response.text());
  await begun;
  await server.close();
  assert.match(await answer, /"code":"stopping"/);
  await assert.rejects(fetch(`${server.origin}/health`), TypeError);
});
