import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Parley, ParleyError, ValidationError } from '../src/index.ts';
import { cut, error, json, scripted } from './server.ts';

const AGENT = { id: 'a', name: 'ada' };

test('a request carries the key, and an answer is its JSON', async (t) => {
  const { baseUrl, seen } = await scripted(t, [json(200, { items: [AGENT], total: 1, page: 1, page_size: 20 })]);
  const page = await new Parley({ baseUrl: `${baseUrl}/`, apiKey: 'pk_1' }).agents.list({ q: 'a b', status: 'active' });
  assert.equal(page.items[0]?.name, 'ada');
  assert.equal(seen[0]?.headers.authorization, 'Bearer pk_1');
  assert.equal(seen[0]?.url, '/api/v1/agents?q=a+b&status=active');
});

test('a refusal is a ParleyError with everything the server said', async (t) => {
  const fault = { in: 'body', field: 'parameters.top_p', rule: 'maximum', message: 'must be <= 1' };
  const details = { fields: [fault] };
  const { baseUrl } = await scripted(t, [error(422, 'validation_failed', { type: 'invalid_request', details })]);
  const refused = await new Parley({ baseUrl, apiKey: 'k' }).agents.create({ name: 'x' }).catch((e: unknown) => e);
  assert(refused instanceof ParleyError && refused instanceof ValidationError);
  const { code, type, status, requestId, fields } = refused;
  assert.deepEqual(
    { code, type, status, requestId, fields },
    {
      code: 'validation_failed',
      type: 'invalid_request',
      status: 422,
      requestId: 'req-1',
      fields: [fault],
    },
  );
});

test("OAuth's errors and answers that are no JSON are understood too", async (t) => {
  const { baseUrl } = await scripted(t, [
    json(400, { error: 'invalid_grant', error_description: 'No.' }),
    (response) => void response.writeHead(404, { 'x-request-id': 'r9' }).end('<html>nothing</html>'),
    (response) => void response.writeHead(200).end('<html>a proxy</html>'),
  ]);
  const client = new Parley({ baseUrl, maxRetries: 0 });
  await assert.rejects(client.auth.signIn({ email: 'a@b', password: 'c' }), {
    code: 'invalid_grant',
    message: 'No.',
    status: 400,
  });
  await assert.rejects(client.agents.get('x'), { code: 'http_404', type: 'not_found', requestId: 'r9' });
  await assert.rejects(client.agents.get('x'), { code: 'invalid_response', type: 'connection' });
});

test('a POST that creates is repeated with the same Idempotency-Key after the connection was lost', async (t) => {
  const { baseUrl, seen } = await scripted(t, [cut, error(409, 'idempotency_in_progress'), json(201, AGENT)]);
  const made = await new Parley({ baseUrl, apiKey: 'k' }).agents.create({ name: 'ada' });
  assert.equal(made.id, 'a');
  const keys = seen.map(({ headers }) => headers['idempotency-key']);
  assert.equal(keys.length, 3);
  assert.match(String(keys[0]), /^[0-9a-f-]{36}$/);
  assert.equal(new Set(keys).size, 1);
});

test('two creating calls have different keys, and a key of your own is used as it is', async (t) => {
  const { baseUrl, seen } = await scripted(t, [json(201, AGENT)]);
  const client = new Parley({ baseUrl, apiKey: 'k' });
  await client.agents.create({ name: 'a' });
  await client.agents.create({ name: 'b' });
  await client.agents.create({ name: 'c' }, { idempotencyKey: 'mine' });
  const [first, second, third] = seen.map(({ headers }) => headers['idempotency-key']);
  assert.notEqual(first, second);
  assert.equal(third, 'mine');
});

test('what could happen twice is not repeated: a command, a change, an invocation', async (t) => {
  const { baseUrl, seen } = await scripted(t, [cut]);
  const client = new Parley({ baseUrl, apiKey: 'k' });
  await assert.rejects(client.discussions.advance('d'), { code: 'connection_failed', status: 0 });
  await assert.rejects(client.agents.update('a', { name: 'b' }, { version: 3 }), { code: 'connection_failed' });
  await assert.rejects(client.agents.invoke('a', { input: 'hi' }), { code: 'connection_failed' });
  assert.equal(seen.length, 3);
  assert.equal(seen[1]?.headers['if-match'], '"3"');
});

test('a read is repeated after 502, 503 and 429, no sooner than Retry-After, and only so often', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    error(429, 'rate_limited', {}, { 'retry-after': '1' }),
    error(503, 'overloaded'),
    json(200, AGENT),
    error(502, 'model_unavailable'),
  ]);
  const client = new Parley({ baseUrl, apiKey: 'k' });
  const before = Date.now();
  assert.equal((await client.agents.get('a')).id, 'a');
  assert(Date.now() - before >= 990);
  await assert.rejects(client.agents.get('a', { maxRetries: 1 }), { code: 'model_unavailable' });
  assert.equal(seen.length, 5);
});

test('a Retry-After of a minute is told, not waited for', async (t) => {
  const { baseUrl, seen } = await scripted(t, [error(429, 'rate_limited', {}, { 'retry-after': '60' })]);
  await assert.rejects(new Parley({ baseUrl, apiKey: 'k' }).agents.get('a'), { retryAfterMs: 60_000 });
  assert.equal(seen.length, 1);
});

test('a deadline is an error of ours, an abort is the reason of the signal', async (t) => {
  const { baseUrl } = await scripted(t, [() => {}]);
  const client = new Parley({ baseUrl, apiKey: 'k', maxRetries: 0 });
  await assert.rejects(client.agents.get('a', { timeoutMs: 30 }), { code: 'timeout', type: 'connection' });
  const controller = new AbortController();
  const asked = client.agents.get('a', { signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(asked, { message: 'enough' });
});

test('a list is iterated page after page, and stretch after stretch', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    json(200, { items: [{ id: '1' }, { id: '2' }], total: 3, page: 1, page_size: 2 }),
    json(200, { items: [{ id: '3' }], total: 3, page: 2, page_size: 2 }),
    json(200, { items: [{ id: '4' }], next_cursor: 'c1' }),
    json(200, { items: [{ id: '5' }], next_cursor: null }),
  ]);
  const client = new Parley({ baseUrl, apiKey: 'k' });
  const ids: string[] = [];
  for await (const agent of client.agents.list()) ids.push(agent.id);
  for await (const call of client.generations.list()) ids.push(call.id);
  assert.deepEqual(ids, ['1', '2', '3', '4', '5']);
  assert.match(String(seen[3]?.url), /cursor=c1/);
});
