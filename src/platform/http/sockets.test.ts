import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Type } from 'typebox';
import { serverWith } from '../../../test/support/http.ts';
import { until } from '../../../test/support/log.ts';
import { AppError } from './errors.ts';
import { type Router, SseBody } from './router.ts';

const gate = () => Promise.withResolvers<void>();

/** Sends bytes as they are, and reads until the server closes. */
async function raw(port: number, text: string): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('utf8');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
  return { status: Number(head.split(' ')[1]), head, body };
}

const plain = (router: Router) =>
  router.publicRoute({
    method: 'POST',
    url: '/echo',
    operationId: 'echo',
    summary: 's',
    tag: 't',
    access: 'public',
    body: Type.Object({ text: Type.String() }),
    response: Type.Object({ text: Type.String() }),
    handler: async ({ body }) => ({ text: body.text }),
  });

test('what is no HTTP, or too large a head, is answered in our shape and closed', async () => {
  await using server = await serverWith({ register: [plain] });
  await server.start();
  const port = server.ports[0] as number;
  for (const [text, status, code] of [
    ['nonsense\r\n\r\n', 400, 'bad_request'],
    ['GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n', 400, 'bad_request'],
    [`GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431, 'headers_too_large'],
    [
      'POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'bad_request',
    ],
  ] as const) {
    const answer = await raw(port, text);
    assert.equal(answer.status, status, answer.head);
    assert.equal(JSON.parse(answer.body).error.code, code);
    assert.match(answer.head, /x-request-id: [0-9a-f-]{36}/);
    assert.match(answer.head, /traceparent: 00-/);
  }
});

test('an expectation that nobody knows is passed over', async () => {
  await using server = await serverWith({ register: [plain] });
  await server.start();
  const body = '{"text":"x"}';
  const answer = await raw(
    server.ports[0] as number,
    `POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  assert.equal(answer.status, 200);
});

test('a stop lets what runs finish, says Connection: close, and takes nothing new', async () => {
  const [entered, released] = [gate(), gate()];
  await using server = await serverWith({
    register: [
      (router) =>
        router.publicRoute({
          method: 'GET',
          url: '/slow',
          operationId: 'slow',
          summary: 's',
          tag: 't',
          access: 'public',
          response: Type.Object({}),
          handler: async () => {
            entered.resolve();
            await released.promise;
            return {};
          },
        }),
    ],
  });
  await server.start();
  const [port, apiPort] = server.ports as [number, number];
  assert.notEqual(port, apiPort);
  assert.equal((await fetch(`http://127.0.0.1:${apiPort}/api/v1/nothing`)).status, 404);
  const slow = fetch(`http://127.0.0.1:${port}/api/v1/slow`);
  await entered.promise;
  const stopped = server.stop(5_000);
  assert.equal(server.draining, true);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/api/v1/slow`));
  released.resolve();
  assert.equal((await slow).status, 200);
  await stopped;
  await server.stop(5_000);
});

test('while it drains, the server still answers and says that it is going', async () => {
  await using server = await serverWith({ register: [plain], lingerMs: 60_000 });
  await server.start();
  const drained = server.drain(200);
  const answer = await fetch(`http://127.0.0.1:${server.ports[0]}/api/v1/nothing`);
  assert.equal(answer.status, 404);
  assert.equal(answer.headers.get('connection'), 'close');
  assert.equal(server.draining, true);
  await drained;
  await server.stop(1_000);
});

test('a stop cuts what does not end by its deadline, and may come before the start', async () => {
  const entered = gate();
  await using server = await serverWith({
    register: [
      (router) =>
        router.publicRoute({
          method: 'GET',
          url: '/never',
          operationId: 'never',
          summary: 's',
          tag: 't',
          access: 'public',
          response: Type.Object({}),
          handler: () => {
            entered.resolve();
            return new Promise<never>(() => {});
          },
        }),
    ],
  });
  await server.start();
  const never = fetch(`http://127.0.0.1:${server.ports[0]}/api/v1/never`);
  const cut = assert.rejects(never);
  await entered.promise;
  await server.stop(50);
  await cut;
  await using unstarted = await serverWith({ register: [plain] });
  await unstarted.stop(100);
});

const streams =
  (state: { returned: boolean; aborted: boolean; wait: Promise<void>; many: boolean }) => (router: Router) => {
    const common = { method: 'POST', tag: 't', summary: 's', access: 'authenticated', streams: true } as const;
    const body = Type.Object({ fail: Type.Optional(Type.String()) });
    async function* frames(fail: string | undefined, signal: AbortSignal) {
      signal.addEventListener('abort', () => {
        state.aborted = true;
      });
      try {
        if (fail === 'first') throw new AppError('model_unavailable');
        yield { event: 'delta', data: { text: 'a\nb' } };
        if (fail === 'later') throw new AppError('model_timeout');
        if (fail === 'bug') throw new Error('secret');
        while (state.many) yield { event: 'delta', data: { text: 'x'.repeat(10_000) } };
        await state.wait;
        yield { event: 'done', data: {} };
      } finally {
        state.returned = true;
      }
    }
    router.route({
      ...common,
      url: '/stream',
      operationId: 'stream',
      body,
      handler: async ({ ctx, body: { fail } }) => new SseBody(frames(fail, ctx.signal)),
    });
    router.route({
      ...common,
      url: '/chat',
      operationId: 'chat',
      wire: 'openai',
      body,
      handler: async ({ ctx, body: { fail } }) => new SseBody(openai(frames(fail, ctx.signal))),
    });
    async function* openai(inner: AsyncIterable<{ data: unknown }>) {
      for await (const { data } of inner) yield { data };
      yield { data: '[DONE]' };
    }
  };

const post = (port: number, path: string, fail?: string, signal?: AbortSignal) =>
  fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: 'Bearer all', 'content-type': 'application/json' },
    body: JSON.stringify(fail === undefined ? {} : { fail }),
    ...(signal && { signal }),
  });

test('a stream made on the spot is written frame by frame, in the manners of its wire', async () => {
  const state = { returned: false, aborted: false, wait: Promise.resolve(), many: false };
  await using server = await serverWith({ register: [streams(state)] });
  await server.start();
  const port = server.ports[0] as number;
  const ours = await post(port, '/stream');
  assert.equal(ours.status, 200);
  assert.match(String(ours.headers.get('content-type')), /^text\/event-stream/);
  assert.equal(ours.headers.get('cache-control'), 'no-cache, no-transform');
  assert.equal(ours.headers.get('x-accel-buffering'), 'no');
  assert.ok(ours.headers.get('x-request-id'));
  assert.equal(await ours.text(), 'event: delta\ndata: {"text":"a\\nb"}\n\nevent: done\ndata: {}\n\n');
  assert.equal(await (await post(port, '/chat')).text(), 'data: {"text":"a\\nb"}\n\ndata: {}\n\ndata: [DONE]\n\n');
});

test('an error before the first frame is an answer, after it a frame; a bug says nothing of itself', async () => {
  const state = { returned: false, aborted: false, wait: Promise.resolve(), many: false };
  await using server = await serverWith({ register: [streams(state)] });
  await server.start();
  const port = server.ports[0] as number;
  const first = await post(port, '/stream', 'first');
  assert.equal(first.status, 502);
  assert.equal(((await first.json()) as { error: { code: string } }).error.code, 'model_unavailable');
  const [, later] = (await (await post(port, '/stream', 'later')).text()).split('\n\n');
  assert.match(String(later), /^event: error\ndata: \{"error":\{"code":"model_timeout"/);
  const bug = await (await post(port, '/chat', 'bug')).text();
  assert.match(bug, /^data: .*\n\ndata: \{"error":\{.*"param":null,"code":"internal"/);
  assert.ok(!bug.includes('secret'));
});

test('a client that leaves ends the work: the signal aborts and the generator is returned', async () => {
  const state = { returned: false, aborted: false, wait: Promise.resolve(), many: true };
  await using server = await serverWith({ register: [streams(state)] });
  await server.start();
  const abort = new AbortController();
  const answer = await post(server.ports[0] as number, '/stream', undefined, abort.signal);
  await answer.body?.getReader().read();
  assert.equal(state.returned, false);
  abort.abort();
  await until(() => state.returned && state.aborted);
});
