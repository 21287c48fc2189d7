import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { serverWith, TENANT, USER } from '../../../../test/support/http.ts';
import { until } from '../../../../test/support/log.ts';
import { openSocket, type TestSocket } from '../../../../test/support/sockets.ts';
import { systemClock } from '../../../lib/clock.ts';
import type { Principal } from '../../auth/authenticate.ts';
import { AppError } from '../../http/errors.ts';
import { DEFAULT_LIMITS } from '../../http/limits.ts';
import type { HttpServer } from '../../http/server.ts';
import { memoryLimiter } from '../../reliability/limiter-memory.ts';
import { createLog } from '../../telemetry/log.ts';
import { createMetrics, type Metrics } from '../../telemetry/metrics.ts';
import type { Cursor, Hub, Subscription } from '../hub.ts';
import { EVERYTHING } from './channel.ts';
import type { SocketLimits } from './limits.ts';
import { createSockets, type Sockets } from './sockets.ts';

const ID = '01920000-0000-7000-8000-00000000000a';
const AT: Cursor = { epoch: 'e', position: 7 };

/** The hub's side, moved by hand: who subscribed, and to what. */
let subscribed: Subscription[];
/** Who `Bearer x` is now; undefined refuses. */
let people: Map<string, Principal>;
let allowed: boolean;
let faults: string[];
let sockets: Sockets;
let server: HttpServer & AsyncDisposable;
let metrics: Metrics;
let clients: TestSocket[];

const ann: Principal = {
  tenantId: TENANT,
  actor: { kind: 'user', id: USER, sessionId: USER },
  roles: ['owner'],
  permissions: new Set(['events:read', 'orders:read']),
  expiresAtMs: undefined,
};

const hub = {
  subscribe: async (subscription: Subscription) => {
    subscribed.push(subscription);
    return { close: () => void subscribed.splice(subscribed.indexOf(subscription), 1) };
  },
  cursor: async () => AT,
} as unknown as Hub;

beforeEach(() => {
  subscribed = [];
  clients = [];
  faults = [];
  allowed = true;
  people = new Map([['ann', ann]]);
});
afterEach(async () => {
  for (const client of clients) client.leave();
  await sockets.stop(100);
  await server[Symbol.asyncDispose]();
});

async function serve(limits: Partial<SocketLimits> = {}): Promise<void> {
  metrics = createMetrics();
  sockets = createSockets({
    ...{ hub, metrics, requestLimits: DEFAULT_LIMITS, limiter: memoryLimiter(systemClock) },
    log: createLog({ level: 'error', write: (line) => void faults.push(line) }),
    config: { publicUrl: 'http://127.0.0.1', corsOrigins: [], socketsPerTenant: 1_000 },
    authenticate: async ({ authorization = '' }) => {
      const known = people.get(authorization.replace('Bearer ', ''));
      if (!known) throw new AppError('unauthenticated');
      return known;
    },
    channels: [
      { topic: 'orders', permission: 'orders:read', allows: async () => allowed },
      { topic: EVERYTHING, permission: 'events:read', allows: async () => true },
    ],
    limits: { tickMs: 10, ...limits },
  });
  server = await serverWith({ metrics, register: [sockets.routes] });
  await server.start();
  await sockets.start();
}

/** `null` says nothing of who it is. */
async function open(token: string | null = 'ann'): Promise<TestSocket> {
  const client = await openSocket(`http://127.0.0.1:${server.ports[0]}/api/v1/ws`, { token: token ?? undefined });
  clients.push(client);
  return client;
}
const following = (stream: string) =>
  subscribed.find(({ streams }) => (stream === EVERYTHING ? streams === undefined : streams?.includes(stream)));
const presence = () => subscribed.find(({ streams }) => streams?.length === 0) as Subscription;

test('who does not say who it is is sent away in time', async () => {
  await serve({ authMs: 50 });
  const silent = await open(null);
  assert.deepEqual([(await silent.closed).code, silent.said[0]?.error.code], [4401, 'unauthenticated']);
});

test('who answers no ping is gone, and who does stays', async () => {
  // Time enough for the living one to answer, however busy the machine is.
  await serve({ pingMs: 500 });
  const alive = await open();
  const dead = await open();
  dead.ws.pause();
  await until(async () => /socket_closes_total\{code="1006"\} 1/.test(await metrics.text()));
  alive.say({ type: 'ping' });
  await alive.until(({ type }) => type === 'pong');
  assert.equal(subscribed.length, 1, 'only the living one is kept');
});

test('a token is renewed on the connection; one that runs out ends it', async () => {
  await serve();
  people.set('short', { ...ann, expiresAtMs: Date.now() + 3_000 });
  people.set('eve', { ...ann, actor: { kind: 'user', id: 'eve', sessionId: 'eve' } });
  const [renewing, lazy, other] = await Promise.all([open('short'), open('short'), open('short')]);
  await renewing.subscribe('*');
  renewing.say({ type: 'auth', token: 'ann', id: 'again' });
  const ready = await renewing.until(({ id }) => id === 'again');
  assert.deepEqual([ready.type, ready.expires_at], ['ready', null]);
  other.say({ type: 'auth', token: 'eve', id: 'eve' });
  assert.equal((await other.until(({ id }) => id === 'eve')).error.code, 'permission_denied');
  assert.equal((await other.closed).code, 4403);
  assert.equal((await lazy.closed).code, 4401);
  assert.equal(lazy.said.at(-1)?.error.code, 'token_expired');
  assert.ok(following(EVERYTHING), 'the renewed one goes on');
  renewing.say({ type: 'auth', token: 'nobody' });
  assert.equal((await renewing.closed).code, 4401);
});

test('a client that does not read is closed with 4408 at the cap, and the others go on', async () => {
  await serve({ maxQueuedBytes: 256 * 1024, closeMs: 100 });
  const slow = await open();
  await slow.subscribe(`orders/${ID}`);
  const { sink, onEnd } = following(`orders/${ID}`) as Subscription;
  const other = await open();
  slow.ws.pause();
  const frame = Buffer.from(JSON.stringify({ type: 'event', channel: `orders/${ID}`, filling: 'x'.repeat(64 * 1024) }));
  let sent = 0;
  // What its system takes goes out; then it waits here, as far as the cap.
  for (let taken = true; taken; sent += 1) {
    taken = sink(frame);
    if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const queued = Number(/^socket_queued_bytes (\d+)$/m.exec(await metrics.text())?.[1]);
  assert.ok(queued > 256 * 1024 && queued < 256 * 1024 + 2 * frame.length, String(queued));
  onEnd('slow', AT);
  await until(async () => /socket_closes_total\{code="4408"\} 1/.test(await metrics.text()));
  other.say({ type: 'ping' });
  await other.until(({ type }) => type === 'pong');
});

test('rights that end are looked at again: what is left goes on where it was, the rest is taken back', async () => {
  await serve();
  const client = await open();
  await client.subscribe(`orders/${ID}`);
  await client.subscribe('*', { cursor: 'e.3' });
  assert.deepEqual(following(EVERYTHING)?.from, { epoch: 'e', position: 3 });
  const revoke = (at: Cursor) => {
    for (const one of subscribed.splice(0)) one.onEnd('revoked', at);
  };
  people.set('ann', { ...ann, permissions: new Set(['events:read']) });
  revoke({ epoch: 'e', position: 9 });
  const gone = await client.until(({ type }) => type === 'unsubscribed');
  assert.deepEqual([gone.channel, gone.reason, gone.error.code], [`orders/${ID}`, 'revoked', 'permission_denied']);
  await until(() => following(EVERYTHING) !== undefined);
  assert.deepEqual(following(EVERYTHING)?.from, { epoch: 'e', position: 9 });
  people.delete('ann');
  revoke({ epoch: 'e', position: 10 });
  assert.equal((await client.closed).code, 4401);
});

test('rights that end while a subscription is looked up do not slip through', async () => {
  await serve();
  const client = await open();
  people.set('ann', { ...ann, permissions: new Set(['events:read']) });
  client.say({ type: 'subscribe', channel: `orders/${ID}`, id: 's' });
  await until(() => subscribed.length > 0);
  presence().onEnd('revoked', AT);
  const answer = await client.until(({ id, type }) => id === 's' || type === 'unsubscribed');
  if (answer.type === 'subscribed') await client.until(({ type }) => type === 'unsubscribed');
  assert.equal(following(`orders/${ID}`), undefined);
});

test('what is gone is not there on the way back', async () => {
  await serve();
  const client = await open();
  await client.subscribe(`orders/${ID}`);
  allowed = false;
  presence().onEnd('revoked', AT);
  assert.equal((await client.until(({ type }) => type === 'unsubscribed')).error.code, 'not_found');
});

test('channels of a connection, its messages and those that wait have limits', async () => {
  await serve({ maxChannels: 2, messageBurst: 10, messagesPerSecond: 0.001 });
  const client = await open();
  const ids = [1, 2, 3].map((n) => `orders/01920000-0000-7000-8000-00000000000${n}`);
  await Promise.all(ids.slice(0, 2).map((channel) => client.subscribe(channel)));
  const full = await client.subscribe(ids[2] as string);
  assert.deepEqual([full.error.code, /at most 2 channels/.test(full.error.message)], ['limit_reached', true]);
  const pongs = () => client.said.filter(({ type }) => type === 'pong').length;
  for (let n = 0; n < 6; n += 1) client.say({ type: 'ping' });
  // Those that are read in one go with what it is cut off for would not be answered.
  await until(() => pongs() === 6);
  for (let n = 0; n < 24; n += 1) client.say({ type: 'ping' });
  assert.equal((await client.closed).code, 4429);
  assert.equal(pongs(), 6, 'the burst and no more');
  assert.ok(client.said.some(({ error }) => error?.code === 'rate_limited'));
});

test('pings of a client count as messages', async () => {
  await serve({ messageBurst: 10, messagesPerSecond: 0.001 });
  const client = await open();
  for (let n = 0; n < 40; n += 1) client.ws.ping();
  assert.equal((await client.closed).code, 4429);
});

test('a stopping process says when to come back, not the same to all, and lets nobody in', async () => {
  await serve();
  const all = await Promise.all(Array.from({ length: 20 }, () => open()));
  await Promise.all(all.map((client) => client.subscribe('*')));
  const stopping = sockets.stop(1_000);
  const ends = await Promise.all(all.map(({ closed }) => closed));
  assert.ok(ends.every(({ code, reason }) => code === 1012 && /^stopping; retry_ms=\d+$/.test(reason)));
  assert.ok(new Set(ends.map(({ reason }) => reason)).size > 5);
  await stopping;
  assert.equal(subscribed.length, 0);
  await assert.rejects(open(), /Refused with 503/);
});

test('a client that does not read holds up no stop', async () => {
  await serve();
  const client = await open();
  client.ws.pause();
  const since = performance.now();
  // It takes half a second until it is cut off.
  await sockets.stop(60_000);
  assert.ok(performance.now() - since < 2_000);
});

test('too many who have not said who they are are turned away', async () => {
  await serve({ maxPendingPerAddress: 2 });
  const [first] = await Promise.all([open(null), open(null)]);
  await assert.rejects(open(null), /Refused with 503/);
  first?.say({ type: 'auth', token: 'ann' });
  await first?.until(({ type }) => type === 'ready');
  await open(null);
});

/** Something like a message, or nothing like one. */
const hostile = fc.oneof(
  { weight: 2, arbitrary: fc.string({ maxLength: 60, unit: 'binary' }) },
  { weight: 2, arbitrary: fc.json({ maxDepth: 4 }) },
  {
    weight: 5,
    arbitrary: fc
      .record(
        {
          type: fc.oneof(
            fc.constantFrom('auth', 'subscribe', 'unsubscribe', 'ping', '__proto__', 'constructor'),
            fc.jsonValue(),
          ),
          id: fc.jsonValue(),
          channel: fc.oneof(fc.constantFrom('*', `orders/${ID}`, 'orders/', '/', 'toString/x'), fc.jsonValue()),
          cursor: fc.oneof(fc.constantFrom('e.1', 'e.-1', '.', 'e.99999999999999999'), fc.jsonValue()),
          types: fc.jsonValue(),
          token: fc.oneof(fc.constant('ann'), fc.string()),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)) },
);

test('2,000 hostile messages: each is answered or the connection closed with a word, and nothing is our fault', async () => {
  await serve({ messageBurst: 1e6, messagesPerSecond: 1e6, maxWaiting: 1e6, closeMs: 100 });
  const messages = fc.sample(hostile, { numRuns: 2_000, seed: 42 });
  let client = await open();
  let connections = 1;
  for (const message of messages) {
    if (client.ws.readyState !== client.ws.OPEN) {
      client = await open();
      connections += 1;
    }
    const answered = new Promise((resolve) => client.ws.once('message', resolve));
    client.ws.send(message);
    await Promise.race([answered, client.closed]);
  }
  assert.ok(connections < 1_000);
  for (const { said, closed, ws } of clients) {
    for (const one of said)
      assert.ok(['ready', 'subscribed', 'unsubscribed', 'error', 'pong'].includes(one.type), JSON.stringify(one));
    assert.ok(
      said.every(({ error }) => error === undefined || error.type !== 'internal'),
      JSON.stringify(said.at(-1)),
    );
    if (ws.readyState === ws.CLOSED) assert.equal((await closed).code, 4401);
  }
  assert.deepEqual(faults, []);
});
