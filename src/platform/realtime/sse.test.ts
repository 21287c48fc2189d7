import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { testCtx } from '../../../test/support/database.ts';
import { until } from '../../../test/support/log.ts';
import { AppError } from '../http/errors.ts';
import type { Following } from '../http/router.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { formatCursor, parseCursor } from './cursor.ts';
import type { Hub, Subscription } from './hub.ts';
import { createEventStreams, type StreamLimits } from './sse.ts';

const TENANT = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c22';
const LIMITS: StreamLimits = {
  maxQueuedBytes: 256 * 1024,
  heartbeatMs: 60_000,
  lifeMs: [60_000, 60_000],
  retryMs: [700, 700],
};

/** The hub's side of a stream: who subscribed, and what the test sends to it. */
let subscribed: Subscription[];
let closes: number;
const hub = {
  subscribe: async (subscription: Subscription) => {
    subscribed.push(subscription);
    return { close: () => void closes++ };
  },
} as unknown as Hub;

let app: FastifyInstance;
let metrics: Metrics;
let clients: Client[];
beforeEach(() => {
  subscribed = [];
  clients = [];
  closes = 0;
});
afterEach(async () => {
  for (const client of clients) client.leave();
  metrics.close();
  await app.close();
});

type Setup = { following?: Following; limits?: Partial<StreamLimits>; expiresAtMs?: number };

async function serve({ following = {}, limits = {}, expiresAtMs }: Setup = {}) {
  metrics = createMetrics();
  const streams = createEventStreams({ metrics, limits: { ...LIMITS, ...limits } });
  app = Fastify();
  app.get('/', (req, reply) => {
    reply.header('x-request-id', 'r1');
    streams
      .follow({
        ...{ hub, reply, following, expiresAtMs },
        ctx: testCtx(TENANT, { actor: { kind: 'user', id: 'ann', sessionId: 's1' } }),
        lastEventId: req.headers['last-event-id'] as string | undefined,
      })
      .catch((error: unknown) => reply.code(error instanceof AppError ? error.status : 500).send());
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
}

/** A client that reads as it is told to, which `fetch` cannot. */
class Client {
  text = '';
  status = 0;
  headers: IncomingHttpHeaders = {};
  ended = false;
  cut = false;
  readonly leave: () => void;

  constructor(headers: Record<string, string>, read: boolean) {
    const { port } = app.server.address() as AddressInfo;
    const req = request({ port, host: '127.0.0.1', headers, agent: false });
    req.on('response', (res) => {
      this.status = res.statusCode ?? 0;
      this.headers = res.headers;
      res.on('end', () => {
        this.ended = true;
      });
      res.on('error', () => {});
      res.on('close', () => {
        this.cut = !this.ended;
      });
      res.setEncoding('utf8');
      if (read)
        res.on('data', (chunk: string) => {
          this.text += chunk;
        });
      else res.pause();
    });
    req.on('error', () => {
      this.cut = true;
    });
    req.end();
    this.leave = () => req.destroy();
  }
}

function connect(headers: Record<string, string> = {}, read = true): Client {
  const client = new Client(headers, read);
  clients.push(client);
  return client;
}

/** Sends until the client's system takes no more either. */
async function stuff(): Promise<void> {
  for (let refused = 0; refused < 50; ) {
    if (first().sink(Buffer.alloc(64 * 1024, 'x'))) refused = 0;
    else refused++;
    if (refused > 0) await delay(1);
  }
}

const opened = () => until(() => subscribed.length > 0);
const first = () => subscribed[0] as Subscription;

test('the head goes out at once: nothing may be kept, changed or gathered, and `retry` comes first', async () => {
  await serve();
  const client = connect();
  await until(() => client.text !== '');
  assert.equal(client.status, 200);
  assert.equal(client.headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal(client.headers['cache-control'], 'no-cache, no-transform');
  assert.equal(client.headers['x-accel-buffering'], 'no');
  assert.equal(client.headers['x-request-id'], 'r1');
  assert.equal(client.text, 'retry: 700\n\n');
});

test('frames flow as they are, and who follows what is passed on', async () => {
  await serve({ following: { streams: ['discussions/a'], types: ['noted'] } });
  const client = connect();
  await opened();
  const { tenantId, actorId, sessionId, streams, types, from } = first();
  assert.deepEqual(
    { tenantId, actorId, sessionId, streams, types, from },
    {
      tenantId: TENANT,
      actorId: 'ann',
      sessionId: 's1',
      streams: ['discussions/a'],
      types: ['noted'],
      from: undefined,
    },
  );
  assert.equal(first().sink(Buffer.from('event: a\ndata: "ä"\n\n')), true);
  await until(() => client.text.endsWith('event: a\ndata: "ä"\n\n'));
});

test('a client resumes from what it saw last, before what the route would begin with', async () => {
  await serve({ following: { from: { epoch: 'e1', position: 3 } } });
  connect({ 'last-event-id': 'e1.41' });
  await opened();
  assert.deepEqual(first().from, { epoch: 'e1', position: 41 });
  connect();
  await until(() => subscribed.length === 2);
  assert.deepEqual(subscribed[1]?.from, { epoch: 'e1', position: 3 });
});

test('a cursor that is none is an ordinary error', async () => {
  await serve();
  for (const cursor of ['x', 'e1', 'e1.-1', 'e1.1.2', 'E1.1', `e1.${'9'.repeat(16)}`]) {
    const client = connect({ 'last-event-id': cursor });
    await until(() => client.status !== 0);
    assert.equal(client.status, 400, cursor);
  }
  assert.equal(subscribed.length, 0);
});

test('a cursor is written and read the same', () => {
  assert.deepEqual(parseCursor(formatCursor({ epoch: 'a1b2', position: 17 })), { epoch: 'a1b2', position: 17 });
});

test('a quiet stream is kept alive by comments', async () => {
  await serve({ limits: { heartbeatMs: 10 } });
  const client = connect();
  await until(() => client.text.endsWith(':\n\n:\n\n'));
});

test('a client that does not read is refused more at the cap, and its connection is cut', async () => {
  await serve();
  const client = connect({}, false);
  await opened();
  const frame = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  while (first().sink(frame)) {
    sent += frame.length;
    assert.ok(sent < 64 * 1024 * 1024);
  }
  assert.match(await metrics.text(), /sse_queued_bytes [1-9]/);
  first().onEnd('slow', { epoch: 'e', position: 7 });
  await until(() => closes === 1);
  await until(() => client.cut);
});

test('a revoked stream ends at once', async () => {
  await serve();
  const client = connect();
  await opened();
  first().onEnd('revoked', { epoch: 'e', position: 7 });
  await until(() => client.ended);
  assert.equal(client.text, 'retry: 700\n\n');
});

test('one that is revoked and does not read is cut', async () => {
  await serve();
  connect({}, false);
  await opened();
  await stuff();
  first().onEnd('revoked', { epoch: 'e', position: 7 });
  await until(() => closes === 1);
});

test('a stopping process tells its clients when to come back', async () => {
  await serve({ limits: { retryMs: [300, 900] } });
  const client = connect();
  await opened();
  first().onEnd('stopping', { epoch: 'e', position: 7 });
  await until(() => client.ended);
  const retries = [...client.text.matchAll(/retry: (\d+)\n\n/g)].map(([, ms]) => Number(ms));
  assert.equal(retries.length, 2);
  assert.ok((retries[1] ?? 0) >= 300 && (retries[1] ?? 0) <= 1800);
});

test('a stream ends with its life, and with the credentials it was opened with', async () => {
  await serve({ limits: { lifeMs: [20, 20] } });
  const aged = connect();
  await until(() => aged.ended);
  metrics.close();
  await app.close();
  await serve({ expiresAtMs: Date.now() + 20 });
  const expired = connect();
  await until(() => expired.ended);
});

test('a client that leaves is unsubscribed', async () => {
  await serve();
  const client = connect();
  await opened();
  client.leave();
  await until(() => closes === 1);
  assert.equal(first().sink(Buffer.from('x')), false);
});

test('filling waits until the socket has taken what it was given', async () => {
  await serve();
  const client = connect({}, false);
  await opened();
  await stuff();
  let drained = false;
  const waiting = first()
    .drained?.()
    .then(() => {
      drained = true;
    });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(drained, false);
  client.leave();
  await waiting;
});
