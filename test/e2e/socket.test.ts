import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import {
  AuthenticationError,
  type ConnectionState,
  NotFoundError,
  Parley,
  PermissionError,
  type WireEvent,
} from '../../sdk/typescript/src/index.ts';
import { until } from '../support/log.ts';
import { createWorld, type Member, type World } from '../support/world.ts';
import { noBrowser, openBrowser, openPage } from './support.ts';

let world: World;
let ann: Member;
let proxy: Awaited<ReturnType<typeof cuttable>>;
before(async () => {
  world = await createWorld();
  ann = await world.signUp();
  proxy = await cuttable(() => Number(new URL(world.url).port));
});
after(async () => {
  await proxy.close();
  await world.stop();
});

/** A way to the server, at one address for good, that can be cut. */
async function cuttable(port: () => number) {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port(), '127.0.0.1');
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const parley = (options: ConstructorParameters<typeof Parley>[0]) =>
  new Parley({ baseUrl: `${proxy.url}${world.prefix}`, ...options });
const agent = (name: string) => ann.post('/agents', { name, instructions: 'x' });
const product = async () =>
  (await ann.post('/products', { name: 'Tea', price: { amount: 1, currency: 'EUR' }, stock: 1 })).body;
/** Where the log is when all that was announced is in it. */
const cursorNow = async (): Promise<string> => {
  await world.settle();
  return (await ann.get('/events?limit=1')).body.cursor;
};
const position = ({ cursor }: WireEvent) => Number(cursor?.split('.')[1]);

/** Collects what a channel says until it ends. */
function collect(events: AsyncGenerator<WireEvent>) {
  const heard: WireEvent[] = [];
  const ended = (async () => {
    for await (const event of events) heard.push(event);
  })();
  ended.catch(() => {});
  return { heard, ended };
}
type Heard = ReturnType<typeof collect>;
const dataOf = ({ data }: WireEvent) => (data as { data: Record<string, unknown> }).data;

/** A socket that a failed test leaves open would keep the file running. */
function opened<T extends { close(): void }>(t: TestContext, socket: T): T {
  t.after(() => socket.close());
  return socket;
}

test('cut again and again, and over a restart of the server: every channel goes on without a hole or a repeat', async (t) => {
  const states: ConnectionState['state'][] = [];
  const socket = opened(
    t,
    parley({ apiKey: (await world.apiKey(ann, ['owner'])).key }).connect({
      onConnection: ({ state }) => void states.push(state),
    }),
  );
  const { id } = await product();
  const cursor = await cursorNow();
  const agents = collect(socket.subscribe('*', { cursor, types: ['agent_registered'] }));
  const tea = collect(socket.subscribe(`products/${id}`, { cursor }));
  const names: string[] = [];
  for (let n = 0; n < 24; n += 1) {
    names.push(`s${n}`);
    await agent(`s${n}`);
    await ann.patch(`/products/${id}`, { name: `Tea ${n}` });
    if (n % 5 === 2) {
      await until(() => agents.heard.length > 0);
      proxy.cut();
    }
    if (n === 12) await world.restart();
  }
  await until(() => agents.heard.length >= 24 && tea.heard.length >= 24);
  assert.deepEqual(
    agents.heard.map((event) => dataOf(event).name),
    names,
  );
  assert.deepEqual(
    tea.heard.map((event) => dataOf(event).version),
    names.map((_, n) => n + 2),
  );
  for (const { heard } of [agents, tea])
    assert.deepEqual(
      heard.map(position),
      [...new Set(heard.map(position))].sort((a, b) => a - b),
    );
  assert.ok(states.filter((state) => state === 'reconnecting').length >= 2);
  socket.close();
  await Promise.all([agents.ended, tea.ended]);
});

test('one that may not be followed throws at its own reader, and the others go on', async (t) => {
  const eve = await world.signUp();
  const { id } = await product();
  const socket = opened(t, parley({ accessToken: eve.token }).connect());
  const { cursor } = (await eve.get('/events?limit=1')).body;
  const own = collect(socket.subscribe('*', { cursor }));
  await assert.rejects(socket.subscribe(`products/${id}`).next(), NotFoundError);
  await assert.rejects(socket.subscribe('nothing/at-all').next(), { name: 'ValidationError' });
  const next = socket.subscribe('*').next();
  await assert.rejects(next, /follows \* already/);
  await eve.post('/agents', { name: 'own', instructions: 'x' });
  await until(() => own.heard.length > 0);

  const poor = (await ann.post('/api-keys', { name: 'poor', scopes: ['agents:read'] })).body.key;
  const other = opened(t, parley({ apiKey: poor }).connect());
  await assert.rejects(other.subscribe('*').next(), PermissionError);
  other.close();
  socket.close();
  await own.ended;
  await assert.rejects(socket.subscribe('*').next(), /closed/);
});

test('a token that ends is replaced, and nothing is missed meanwhile; without another one the reader is told', async (t) => {
  const session = async () => {
    const { body } = await world.anonymous.post('/auth/token', {
      ...{ grant_type: 'password', username: ann.email, password: ann.password },
    });
    return body as { access_token: string; refresh_token: string };
  };
  const [first, second] = [await session(), await session()];
  const socket = opened(
    t,
    parley({
      accessToken: (stale) => (stale === first.access_token ? second : first).access_token,
    }).connect(),
  );
  const fixed = opened(t, parley({ accessToken: first.access_token }).connect());
  const cursor = await cursorNow();
  const [heard, lost] = [socket, fixed].map((each) => collect(each.subscribe('*', { cursor }))) as [Heard, Heard];
  await agent('before');
  await until(() => heard.heard.length > 0 && lost.heard.length > 0);
  await world.anonymous.post('/auth/revoke', { token: first.refresh_token });
  await agent('after');
  await assert.rejects(lost.ended, AuthenticationError);
  await until(() => heard.heard.some((event) => dataOf(event).name === 'after'));
  const names = heard.heard.filter(({ type }) => type === 'agent_registered').map((event) => dataOf(event).name);
  assert.deepEqual(names, ['before', 'after']);
  socket.close();
  fixed.close();
  await heard.ended;
});

test('leaving a loop, and aborting, ends one channel and no other', async (t) => {
  const socket = opened(t, parley({ accessToken: ann.token }).connect());
  const abort = new AbortController();
  const all = collect(socket.subscribe('*', { types: ['agent_registered'] }));
  const { id } = await product();
  const cursor = await cursorNow();
  const aborted = collect(socket.subscribe(`products/${id}`, { signal: abort.signal, cursor }));
  await ann.patch(`/products/${id}`, { name: 'x' });
  await until(() => aborted.heard.length === 1);
  abort.abort();
  await aborted.ended;
  const again = socket.subscribe(`products/${id}`, { cursor: aborted.heard[0]?.cursor });
  await ann.patch(`/products/${id}`, { name: 'y' });
  for await (const event of again) {
    assert.equal(dataOf(event).version, 3);
    break;
  }
  await agent('still');
  await until(() => all.heard.some((event) => dataOf(event).name === 'still'));
  socket.close();
  await all.ended;
});

test('where there is no WebSocket, that is said at once', () => {
  const { WebSocket } = globalThis;
  try {
    Reflect.deleteProperty(globalThis, 'WebSocket');
    assert.throws(() => parley({ accessToken: 'x' }).connect(), /Node has one since version 22/);
  } finally {
    Object.assign(globalThis, { WebSocket });
  }
});

test('a page of this server follows with the WebSocket of its browser, and a page of another cannot', {
  skip: noBrowser(),
}, async () => {
  const browser = await openBrowser();
  try {
    const page = await openPage(browser);
    await page.goto(`${world.url}/docs`);
    await page.evaluate(inPage, { path: `${world.prefix}/ws`, token: ann.token });
    await page.waitForFunction(() => (globalThis as Page).said?.some(({ type }) => type === 'subscribed'));
    await agent('seen-in-a-page');
    await page.waitForFunction(() => (globalThis as Page).said?.some(({ event }) => event === 'agent_registered'));
    const told = await page.evaluate(() => (globalThis as Page).said);
    assert.deepEqual(told?.[0], { type: 'open', event: 'parley.v1' });

    await page.route('http://elsewhere.example/', (route) =>
      route.fulfill({ body: '<title>x</title>', contentType: 'text/html' }),
    );
    await page.goto('http://elsewhere.example/');
    await page.evaluate(inPage, { path: `${world.url.replace('http', 'ws')}${world.prefix}/ws`, token: ann.token });
    await page.waitForFunction(() => (globalThis as Page).said?.some(({ type }) => type === 'close'));
    assert.deepEqual(await page.evaluate(() => (globalThis as Page).said?.map(({ type }) => type)), ['close']);
  } finally {
    await browser.close();
  }
});

type Page = { said?: { type: string; event?: string }[] };

/** Runs in the browser: it knows nothing of this file. */
function inPage({ path, token }: { path: string; token: string }): void {
  const said: { type: string; event?: string }[] = [];
  Object.assign(globalThis, { said });
  const socket = new WebSocket(path, ['parley.v1', `bearer.${token}`]);
  socket.onopen = () => {
    said.push({ type: 'open', event: socket.protocol });
    socket.send(JSON.stringify({ type: 'subscribe', channel: '*' }));
  };
  socket.onmessage = ({ data }) => said.push(JSON.parse(String(data)));
  socket.onclose = () => said.push({ type: 'close' });
}
