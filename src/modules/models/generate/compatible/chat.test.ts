import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createOutbound } from '../../../../platform/net/outbound.ts';
import type { GenerateRequest } from '../../contract.ts';
import { explain } from '../failures.ts';
import type { Part } from '../source.ts';
import { chat } from './chat.ts';

const REQUEST: GenerateRequest = {
  model: undefined,
  messages: [{ role: 'user', content: 'Hello?' }],
  purpose: { kind: 'chat' },
};
const frame = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`;
const delta = (delta: unknown, finish_reason: string | null = null) => frame({ choices: [{ delta, finish_reason }] });
const STOP = delta({}, 'stop');

/** A server that answers so, and what it was asked. */
async function server(t: TestContext, answer: (response: ServerResponse) => void) {
  const asked: { url: string; headers: Record<string, unknown>; body: Record<string, unknown> }[] = [];
  const http = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    asked.push({ url: request.url ?? '', headers: request.headers, body: JSON.parse(text) as Record<string, unknown> });
    answer(response);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const outbound = createOutbound({ allow: [] });
  t.after(async () => {
    await outbound.close();
    http.closeAllConnections();
    http.close();
  });
  const baseUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`;
  const connection = {
    name: 'acme',
    kind: 'openai_compatible',
    baseUrl,
    apiKey: undefined,
    outbound: 'operator',
  } as const;
  const ask = async (request = REQUEST, signal = new AbortController().signal) => {
    const parts: Part[] = [];
    for await (const part of chat({ connection, model: 'tiny', post: outbound.post('operator') }, request, signal))
      parts.push(part);
    return parts;
  };
  return { ask, asked };
}

const stream = (text: string) => (response: ServerResponse) =>
  void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
const said = (parts: readonly Part[]) => parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('|');

test('what is asked: texts, the parameters that are set, and no key where there is none', async (t) => {
  const { ask, asked } = await server(t, stream(delta({ content: 'Hi' }) + STOP));
  await ask({
    ...REQUEST,
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', name: 'ada', content: 'Hello?' },
      { role: 'assistant', content: 'Yes.' },
    ],
    parameters: { temperature: 0.5, maxTokens: 9, stop: ['END'] },
  });
  assert.equal(asked[0]?.url, '/v1/chat/completions');
  assert.equal(asked[0]?.headers.authorization, undefined);
  assert.deepEqual(asked[0]?.body, {
    model: 'tiny',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'ada: Hello?' },
      { role: 'assistant', content: 'Yes.' },
    ],
    ...{ temperature: 0.5, max_tokens: 9, stop: ['END'], stream: true, stream_options: { include_usage: true } },
  });
});

const SAID: [string, string, string, Partial<Part>][] = [
  ['texts', delta({ content: 'a' }) + delta({ content: 'b' }) + STOP, 'a|b', { finishReason: 'stop' }],
  ['a list of parts', delta({ content: [{ type: 'text', text: 'a' }, null, { type: 'x' }] }) + STOP, 'a', {}],
  ['nothing where nothing is said', delta(null) + delta({ content: null }) + frame({ choices: [] }) + STOP, '', {}],
  ['a refusal is a filter', delta({ refusal: 'No.' }) + STOP, 'No.', { finishReason: 'content_filter' }],
  ['other ends are other', delta({ content: 'a' }, 'tool_calls'), 'a', { finishReason: 'other' }],
  [
    'counts, with the choices or without them',
    STOP + frame({ usage: { prompt_tokens: 3, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 2 } } }),
    '',
    { usage: { inputTokens: 3, outputTokens: 4, cachedInputTokens: 2 } },
  ],
  [
    'counts that are none',
    frame({ choices: [], usage: { prompt_tokens: 'x' } }) + STOP,
    '',
    { usage: { inputTokens: 0, outputTokens: 0 } },
  ],
];
for (const [name, text, words, finish] of SAID) {
  test(`an answer: ${name}`, async (t) => {
    const { ask } = await server(t, stream(`${text}data: [DONE]\n\n`));
    const parts = await ask();
    assert.equal(said(parts), words);
    assert.deepEqual(parts.at(-1), { type: 'finish', finishReason: 'stop', ...finish });
  });
}

test('thoughts are a sign of life that is paid for; an empty piece is one that is not', async (t) => {
  const { ask } = await server(
    t,
    stream(delta({ role: 'assistant', content: '' }) + delta({ reasoning: 'Hm' }) + STOP),
  );
  const counts = (await ask()).flatMap((part) => (part.type === 'sign_of_life' ? [part.counts] : []));
  assert.deepEqual(counts, [false, true, false]);
});

const BROKEN: [string, string][] = [
  ['no JSON', 'data: {"choices":\n\n'],
  ['no object', 'data: 5\n\n'],
  ['no choices', frame({ id: 'x' })],
  ['content that is no text', delta({ content: 5 })],
  ['no end', delta({ content: 'a' })],
  ['nothing', ''],
  ['a page', '<html>Welcome</html>'],
];
for (const [name, text] of BROKEN) {
  test(`an answer with ${name} is not well formed, and not asked for again`, async (t) => {
    const { ask } = await server(t, stream(text));
    const thrown = await ask().catch((error: unknown) => error);
    const { error, retryable } = explain(thrown, { provider: 'acme' });
    assert.deepEqual([error.code, retryable], ['model_unavailable', false]);
    assert.match(error.message, /not well formed/);
  });
}

const REFUSED: [string, string, string][] = [
  ['OpenAI', '{"error":{"message":"It is late."}}', 'It is late.'],
  ['Ollama', '{"error":"It is late."}', 'It is late.'],
  ['vLLM', '{"object":"error","message":"It is late."}', 'It is late.'],
  ['a proxy', '<html>', 'Status 400'],
];
for (const [who, body, message] of REFUSED) {
  test(`a refusal as ${who} words it is told on`, async (t) => {
    const { ask } = await server(t, (response) => void response.writeHead(400, { 'retry-after': '7' }).end(body));
    await assert.rejects(ask(), { name: 'CallRefused', statusCode: 400, message, responseBody: body });
  });
}

test('of a refusal without an end only the beginning is read, and the connection is closed', async (t) => {
  const closed = Promise.withResolvers<void>();
  const { ask } = await server(t, (response) => {
    response.writeHead(500).on('close', () => closed.resolve());
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(10_000)));
    };
    response.on('drain', more);
    more();
  });
  const thrown = (await ask().catch((error: unknown) => error)) as { responseBody: string };
  assert.equal(thrown.responseBody.length, 64 * 1024);
  await closed.promise;
});

test('an abort ends it at any moment', async (t) => {
  const controller = new AbortController();
  const { ask } = await server(t, (response) => {
    response.writeHead(200).write(delta({ content: 'a' }));
    response.once('close', () => closed.resolve());
    setImmediate(() => controller.abort(new Error('enough')));
  });
  const closed = Promise.withResolvers<void>();
  await assert.rejects(ask(REQUEST, controller.signal));
  await closed.promise;
});
