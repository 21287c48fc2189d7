import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryBudget } from '../src/budget.ts';
import { Parley } from '../src/index.ts';
import { cut, error, json, live, logged, scripted, sse } from './server.ts';

test('a deletion whose answer was lost is done, though nothing is found the second time', async (t) => {
  const { baseUrl, seen } = await scripted(t, [cut, error(404, 'not_found', { type: 'not_found' })]);
  const parley = new Parley({ baseUrl, apiKey: 'k' });
  assert.equal(await parley.agents.delete('a'), undefined);
  assert.equal(seen.length, 2);
  await assert.rejects(parley.agents.delete('b'), { name: 'NotFoundError' }, 'what was never there is not found');
});

test('what may be said twice is repeated', async (t) => {
  const { baseUrl, seen } = await scripted(t, [cut, json(200, { status: 'paused' })]);
  assert.equal((await new Parley({ baseUrl, apiKey: 'k' }).discussions.pause('d')).status, 'paused');
  assert.equal(seen.length, 2);
});

test('a budget that is spent ends the repeats of all requests, and fills again', () => {
  let now = 0;
  const budget = new RetryBudget(2, 3, () => now);
  const taken = (): boolean[] => Array.from({ length: 4 }, () => budget.take());
  assert.deepEqual(taken(), [true, true, true, false]);
  now = 1_000;
  assert.deepEqual(taken(), [true, true, false, false]);
  now = 100_000;
  assert.deepEqual(taken(), [true, true, true, false], 'never more than the burst');
  now = 0;
  assert.equal(budget.take(), false, 'a clock that is set back gives nothing');
});

test('without a budget nothing is repeated', async (t) => {
  const { baseUrl, seen } = await scripted(t, [cut]);
  const parley = new Parley({ baseUrl, apiKey: 'k', retriesPerSecond: 0, maxRetries: 5 });
  await assert.rejects(parley.agents.get('a'), {
    name: 'ConnectionError',
    code: 'connection_failed',
    message: `${baseUrl} could not be reached.`,
  });
  assert.equal(seen.length, 1);
});

test('an abort between two attempts is heard at once', async (t) => {
  const leaving = new AbortController();
  const { baseUrl, seen } = await scripted(t, [
    (response) => {
      response.writeHead(429, { 'retry-after': '20' }).end('{}', () => setImmediate(() => leaving.abort('enough')));
    },
  ]);
  const asked = new Parley({ baseUrl, apiKey: 'k' }).agents.get('a', { signal: leaving.signal });
  assert.equal(await asked.catch((reason: unknown) => reason), 'enough');
  assert.equal(seen.length, 1);
});

test('an abort does not wait for a token that others wait for', async () => {
  let resolve = (_token: string): void => {};
  const token = new Promise<string>((settle) => {
    resolve = settle;
  });
  const answer = async () => Response.json({ id: 'a' });
  const parley = new Parley({ baseUrl: 'http://127.0.0.1:1', accessToken: () => token, fetch: answer });
  const leaving = new AbortController();
  const [gone, stays] = [parley.agents.get('a', { signal: leaving.signal }), parley.agents.get('a')];
  leaving.abort('enough');
  assert.equal(await gone.catch((reason: unknown) => reason), 'enough');
  resolve('t');
  assert.equal((await stays).id, 'a');
});

test('a reader who takes his time is not taken for a dead connection, and nothing is read ahead', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    sse([logged(1, 'turn_started'), live('message_delta', { offset: 0, text: 'a' })], 'hang'),
  ]);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const states: string[] = [];
  const options = { onConnection: ({ state }: { state: string }) => states.push(state) };
  const events = new Parley({ baseUrl, apiKey: 'k' }).discussions.events('d', options);
  await events.next();
  // Longer than the silence that ends a connection.
  t.mock.timers.tick(60_000);
  const { value } = await events.next();
  assert.equal(value?.type, 'message_delta');
  assert.deepEqual([seen.length, states], [1, ['connecting', 'open']]);
  await events.return(undefined);
});

test('a list asks for nothing before it is wanted, for one page to await, and stops asking when one leaves', async (t) => {
  const { baseUrl, seen } = await scripted(t, [json(200, { items: [{ id: '1' }, { id: '2' }], next_cursor: 'c' })]);
  const list = new Parley({ baseUrl, apiKey: 'k' }).discussions.list();
  assert.equal(seen.length, 0);
  assert.equal((await list).items.length, 2);
  assert.equal((await list).next_cursor, 'c');
  assert.equal(seen.length, 1, 'awaited twice it is asked for once');
  for await (const { id } of list) if (id === '2') break;
  assert.deepEqual(
    seen.map(({ url }) => url),
    ['/api/v1/discussions', '/api/v1/discussions?limit=100'],
  );
  const two: number[] = [];
  for await (const { items } of list.pages()) if (two.push(items.length) === 2) break;
  assert.deepEqual(two, [2, 2]);
});

test('readiness is an answer, also when it is 503', async (t) => {
  const { baseUrl, seen } = await scripted(t, [json(503, { status: 'unavailable' })]);
  assert.equal((await new Parley({ baseUrl, apiKey: 'k' }).system.readiness()).status, 'unavailable');
  assert.deepEqual([seen.length, seen[0]?.headers.authorization], [1, undefined]);
});

test("a chat on OpenAI's wire is streamed to its end, and fails in our words", async (t) => {
  const chunk = (content: string): string =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
  const failed = { error: { message: 'Late.', type: 'server_error', code: 'model_timeout', request_id: 'r' } };
  const { baseUrl } = await scripted(t, [
    sse([chunk('Y'), chunk('es'), 'data: [DONE]\n\n'], 'hang'),
    sse([chunk('Y'), `data: ${JSON.stringify(failed)}\n\n`]),
    sse([chunk('Y')]),
  ]);
  const { chat } = new Parley({ baseUrl, apiKey: 'k' });
  const ask = async (): Promise<string> => {
    let text = '';
    for await (const { choices } of chat.stream({ messages: [{ role: 'user', content: 'Is it?' }] }))
      text += choices[0]?.delta.content ?? '';
    return text;
  };
  assert.equal(await ask(), 'Yes');
  await assert.rejects(ask(), { name: 'UpstreamError', code: 'model_timeout', message: 'Late.', requestId: 'r' });
  await assert.rejects(ask(), { name: 'ConnectionError', message: 'The answer broke off.' });
});
