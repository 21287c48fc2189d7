import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { Type } from 'typebox';
import { serverWith, TENANT, USER } from '../../../test/support/http.ts';
import { openDb } from '../db/open.ts';
import { createLog } from '../telemetry/log.ts';
import { AppError } from './errors.ts';
import { healthRoutes } from './health.ts';
import type { Router } from './router.ts';

const things = (router: Router) => {
  router.route({
    method: 'GET',
    url: '/things/:thing_id',
    operationId: 'getThing',
    summary: 'One thing',
    tag: 'things',
    access: 'agents:read',
    params: Type.Object({ thing_id: Type.String({ format: 'uuid' }) }),
    query: Type.Object({ size: Type.Integer({ default: 3, maximum: 9 }) }),
    response: Type.Object({ id: Type.String(), size: Type.Integer(), note: Type.Union([Type.String(), Type.Null()]) }),
    handler: async ({ params, query, reply }) => {
      reply.header('etag', '"7"');
      return { id: params.thing_id, size: query.size, note: null, secret: 'never sent' };
    },
  });
  router.route({
    method: 'POST',
    url: '/things/:thing_id/rename',
    operationId: 'renameThing',
    summary: 'Renames a thing',
    tag: 'things',
    access: 'agents:write',
    params: Type.Object({ thing_id: Type.String({ format: 'uuid' }) }),
    body: Type.Object({
      name: Type.String({ minLength: 1 }),
      nested: Type.Optional(Type.Object({ deep: Type.Integer() })),
      meta: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
    handler: async () => undefined,
  });
  router.route({
    method: 'GET',
    url: '/broken',
    operationId: 'getBroken',
    summary: 'Always fails',
    tag: 'things',
    access: 'authenticated',
    response: Type.Object({}),
    handler: async () => {
      throw new Error('the password is hunter2');
    },
  });
  router.publicRoute({
    method: 'POST',
    url: '/token',
    operationId: 'createToken',
    summary: 'A foreign wire',
    tag: 'things',
    access: 'public',
    wire: 'oauth',
    body: Type.Object({ grant_type: Type.String() }),
    response: Type.Object({ got: Type.String() }),
    handler: async ({ body }) => {
      if (body.grant_type === 'bad') throw new AppError('invalid_grant');
      return { got: body.grant_type };
    },
  });
};
const ID = '01920000-0000-7000-8000-00000000000a';
const auth = { authorization: 'Bearer all' };

test('a read is validated, coerced, defaulted and serialised by its schemas', async () => {
  await using server = await serverWith({ register: [things] });
  const answer = await server.app.inject({ url: `/api/v1/things/${ID}`, headers: auth });
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.body, JSON.stringify({ id: ID, size: 3, note: null }));
  const sized = await server.app.inject({ url: `/api/v1/things/${ID}?size=5`, headers: auth });
  assert.equal(sized.json().size, 5);
  const bad = await server.app.inject({ url: '/api/v1/things/nope?size=10&extra=1', headers: auth });
  assert.equal(bad.statusCode, 422);
  assert.deepEqual(bad.json().error.details.fields, [
    { in: 'path', field: 'thing_id', rule: 'format', message: 'must match format "uuid"' },
  ]);
  const same = await server.app.inject({ url: `/api/v1/things/${ID}`, headers: { ...auth, 'if-none-match': 'W/"7"' } });
  assert.equal(same.statusCode, 304);
  assert.equal(same.body, '');
});

test('every answer carries its request id and trace, and a harmless id is taken over', async () => {
  await using server = await serverWith({ register: [things] });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';
  const answer = await server.app.inject({
    url: '/api/v1/nowhere',
    headers: { 'x-request-id': 'mine-1', traceparent },
  });
  assert.equal(answer.statusCode, 404);
  assert.equal(answer.headers['x-request-id'], 'mine-1');
  assert.equal(answer.headers.traceparent, traceparent);
  assert.equal(answer.json().error.request_id, 'mine-1');
  const own = await server.app.inject({ url: '/api/v1/nowhere', headers: { 'x-request-id': 'a b\tc' } });
  assert.match(String(own.headers['x-request-id']), /^[0-9a-f-]{36}$/);
  assert.match(String(own.headers.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
});

test('nobody is refused before their body is read, and who lacks the permission too', async () => {
  const denied: string[] = [];
  await using server = await serverWith({
    register: [things],
    onDenied: ({ permission, operationId }) => denied.push(`${operationId} ${permission}`),
  });
  const url = `/api/v1/things/${ID}/rename`;
  const nobody = await server.app.inject({
    method: 'POST',
    url,
    payload: '{',
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(nobody.statusCode, 401);
  assert.equal(nobody.headers['www-authenticate'], 'Bearer');
  const other = await server.app.inject({
    method: 'POST',
    url,
    payload: {},
    headers: { authorization: 'Bearer agents:read' },
  });
  assert.equal(other.statusCode, 403);
  assert.deepEqual(denied, ['renameThing agents:write']);
});

for (const [what, payload, status, code, field] of [
  ['an unknown field', '{"name":"a","nmae":1}', 422, 'validation_failed', 'nmae'],
  ['a wrong type, which is not coerced', '{"name":5}', 422, 'validation_failed', 'name'],
  ['a nested unknown field', '{"name":"a","nested":{"deep":1,"x":2}}', 422, 'validation_failed', 'nested.x'],
  ['a missing field', '{}', 422, 'validation_failed', 'name'],
  ['no body', undefined, 422, 'validation_failed', ''],
  ['a list', '[]', 422, 'validation_failed', ''],
  ['bad JSON', '{"name":', 400, 'invalid_json', undefined],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, 'invalid_json', undefined],
  ['U+0000', '{"name":"a\\u0000b"}', 422, 'validation_failed', 'name'],
  ['half a surrogate pair', '{"name":"a","meta":{"x":["\\ud800"]}}', 422, 'validation_failed', 'meta.x.0'],
  ['U+0000 in a key', '{"name":"a","meta":{"\\u0000":1}}', 422, 'validation_failed', 'meta'],
  ['__proto__', '{"name":"a","meta":{"__proto__":{"a":1}}}', 422, 'validation_failed', 'meta'],
  [
    'too deep a nesting',
    `{"name":"a","meta":{"x":${'['.repeat(5000)}${']'.repeat(5000)}}}`,
    422,
    'validation_failed',
    '',
  ],
  ['too large a body', `{"name":"${'a'.repeat(1100 * 1024)}"}`, 413, 'payload_too_large', undefined],
] as const) {
  test(`${what} is refused with ${status} ${code}`, async () => {
    await using server = await serverWith({ register: [things] });
    const answer = await server.app.inject({
      method: 'POST',
      url: `/api/v1/things/${ID}/rename`,
      headers: { ...auth, ...(payload !== undefined && { 'content-type': 'application/json' }) },
      ...(payload !== undefined && { payload }),
    });
    assert.equal(answer.statusCode, status, answer.body);
    const { error } = answer.json();
    assert.equal(error.code, code);
    assert.equal(error.type, 'invalid_request');
    if (field !== undefined) assert.equal(error.details.fields[0].field, field);
  });
}

test('a good body, with text that only looks suspicious, passes', async () => {
  await using server = await serverWith({ register: [things] });
  const answer = await server.app.inject({
    method: 'POST',
    url: `/api/v1/things/${ID}/rename`,
    headers: { ...auth, 'content-type': 'application/json' },
    payload: '{"name":"\\ud83d\\ude00 \\\\u0000","meta":{"a":{"b":[1,null]}}}',
  });
  assert.equal(answer.statusCode, 204, answer.body);
  assert.equal(answer.body, '');
});

test('the wrong content type, method, path and encoding have their own errors', async () => {
  await using server = await serverWith({ register: [things] });
  const url = `/api/v1/things/${ID}/rename`;
  const plain = await server.app.inject({
    method: 'POST',
    url,
    headers: { ...auth, 'content-type': 'text/plain' },
    payload: 'x',
  });
  assert.equal(plain.statusCode, 415);
  const utf16 = await server.app.inject({
    method: 'POST',
    url,
    headers: { ...auth, 'content-type': 'application/json; charset=utf-16' },
    payload: '{"name":"x"}',
  });
  assert.equal(utf16.statusCode, 415);
  const form = await server.app.inject({
    method: 'POST',
    url,
    headers: { ...auth, 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'name=x',
  });
  assert.equal(form.statusCode, 415);
  const method = await server.app.inject({ method: 'DELETE', url: `/api/v1/things/${ID}` });
  assert.equal(method.statusCode, 405);
  assert.equal(method.json().error.code, 'method_not_allowed');
  assert.equal(method.headers.allow, 'GET, HEAD, OPTIONS');
  const path = await server.app.inject({ url: '/api/v1/things/%ff', headers: auth });
  assert.equal(path.statusCode, 400);
  assert.equal(path.json().error.code, 'bad_request');
  assert.ok(path.headers['x-request-id']);
  const long = await server.app.inject({ url: `/api/v1/things/${'a'.repeat(2000)}`, headers: auth });
  assert.equal(long.statusCode, 404);
  assert.equal(long.json().error.code, 'not_found');
  const outside = await server.app.inject({ url: '/things', headers: auth });
  assert.equal(outside.statusCode, 404);
  assert.equal(outside.json().error.message, 'There is nothing here: the API is under /api/v1.');
  const nul = await server.app.inject({ url: `/api/v1/things/${ID}?size=%00`, headers: auth });
  assert.equal(nul.statusCode, 422);
});

test('what fails unexpectedly is a 500 that says nothing, and is logged with its stack', async () => {
  const lines: string[] = [];
  await using server = await serverWith({
    register: [things],
    log: createLog({ level: 'info', write: (line) => void lines.push(line) }),
  });
  const answer = await server.app.inject({ url: '/api/v1/broken', headers: auth });
  assert.equal(answer.statusCode, 500);
  assert.ok(!answer.body.includes('hunter2'));
  assert.equal(answer.json().error.code, 'internal');
  const logged = lines.map((line) => JSON.parse(line)).find(({ level }) => level === 'error');
  assert.equal(logged.request_id, answer.headers['x-request-id']);
  assert.match(logged.error.stack, /server\.test\.ts/);
});

test('there is one line for each request, by its route and not by its path', async () => {
  const lines: string[] = [];
  await using server = await serverWith({
    register: [things],
    log: createLog({ level: 'info', write: (line) => void lines.push(line) }),
  });
  await server.start();
  const answer = await fetch(`http://127.0.0.1:${server.ports[0]}/api/v1/things/${ID}?size=5`, { headers: auth });
  await answer.text();
  await server.stop(1_000);
  const logged = lines.map((line) => JSON.parse(line));
  assert.equal(logged.length, 1);
  const { timestamp, duration_ms, trace_id, ...line } = logged[0];
  assert.ok(timestamp && duration_ms > 0 && trace_id);
  assert.deepEqual(line, {
    level: 'info',
    module: 'http',
    message: 'request',
    request_id: answer.headers.get('x-request-id'),
    tenant_id: TENANT,
    actor_id: USER,
    method: 'GET',
    route: '/api/v1/things/:thing_id',
    status: 200,
  });
});

test("OAuth's wire takes forms, ignores what it does not know, and errs in OAuth's words", async () => {
  await using server = await serverWith({ register: [things] });
  const post = (payload: string, type = 'application/x-www-form-urlencoded') =>
    server.app.inject({ method: 'POST', url: '/api/v1/token', headers: { 'content-type': type }, payload });
  assert.deepEqual((await post('grant_type=password&client_id=x')).json(), { got: 'password' });
  assert.deepEqual((await post('{"grant_type":"password","x":1}', 'application/json')).json(), { got: 'password' });
  const bad = await post('grant_type=bad');
  assert.equal(bad.statusCode, 400);
  assert.equal(bad.json().error, 'invalid_grant');
  const twice = await post('grant_type=a&grant_type=b');
  assert.equal(twice.statusCode, 400);
  assert.equal(twice.json().error, 'invalid_request');
});

test('CORS answers the origins it knows, with credentials, and no others', async () => {
  await using server = await serverWith({ register: [things] });
  const ask = (origin: string, more = {}) =>
    server.app.inject({ url: '/api/v1/nowhere', headers: { origin, ...more } });
  const known = await ask('http://localhost:3000');
  assert.equal(known.headers['access-control-allow-origin'], 'http://localhost:3000');
  assert.equal(known.headers['access-control-allow-credentials'], 'true');
  assert.match(String(known.headers['access-control-expose-headers']), /X-Request-ID/);
  assert.equal((await ask('http://evil.example')).headers['access-control-allow-origin'], undefined);
  const preflight = await server.app.inject({
    method: 'OPTIONS',
    url: `/api/v1/things/${ID}/rename`,
    headers: {
      origin: 'http://localhost:3000',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, idempotency-key',
    },
  });
  assert.equal(preflight.statusCode, 204);
  assert.equal(preflight.headers['access-control-allow-headers'], 'authorization, idempotency-key');
  assert.match(String(preflight.headers['access-control-allow-methods']), /PATCH/);
});

test('readiness says what is down, and 503; liveness asks nobody', async () => {
  let up = false;
  const ping = async () => {
    if (!up) throw new Error('away');
  };
  await using server = await serverWith({ register: [healthRoutes({ ping, draining: () => false })] });
  assert.deepEqual((await server.app.inject('/api/v1/health')).json(), { status: 'ok' });
  const down = await server.app.inject('/api/v1/health/ready');
  assert.equal(down.statusCode, 503);
  assert.deepEqual(down.json(), { status: 'unavailable', database: 'disconnected', redis: 'disabled' });
  up = true;
  const ready = await server.app.inject('/api/v1/health/ready');
  assert.equal(ready.statusCode, 200);
  assert.deepEqual(ready.json(), { status: 'ok', database: 'connected', redis: 'disabled' });
});

test('readiness with allow=degraded stays 200 when only Redis is down', async () => {
  const deps = { ping: async () => {}, redis: async () => 'disconnected' as const, draining: () => false };
  await using server = await serverWith({ register: [healthRoutes(deps)] });
  assert.equal((await server.app.inject('/api/v1/health/ready')).statusCode, 503);
  const degraded = await server.app.inject('/api/v1/health/ready?allow=degraded');
  assert.equal(degraded.statusCode, 200);
  assert.equal(degraded.json().status, 'degraded');
});

test('a database that is away makes 503 unavailable, and says nothing of where it is', async () => {
  const db = openDb({ url: 'postgresql://somebody@127.0.0.1:1/parley', writeOutbox: async () => {} });
  const reads = (router: Router) =>
    router.route({
      method: 'GET',
      url: '/rows',
      operationId: 'listRows',
      summary: 's',
      tag: 't',
      access: 'authenticated',
      response: Type.Object({}),
      handler: async ({ ctx }) => (await db.reader(ctx).first<object>(sql`select 1`)) ?? {},
    });
  await using server = await serverWith({ register: [reads, healthRoutes({ ping: db.ping, draining: () => false })] });
  const answer = await server.app.inject({ url: '/api/v1/rows', headers: auth });
  assert.equal(answer.statusCode, 503);
  assert.equal(answer.json().error.code, 'unavailable');
  assert.ok(answer.headers['retry-after']);
  assert.ok(!/127\.0\.0\.1|somebody|ECONN/.test(answer.body));
  assert.equal((await server.app.inject('/api/v1/health/ready')).json().database, 'disconnected');
  await db.close();
});
