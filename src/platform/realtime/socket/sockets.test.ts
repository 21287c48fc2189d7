import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, test } from 'node:test';
import { until } from '../../../../test/support/log.ts';
import { alone } from '../../../../test/support/many.ts';
import { promised } from '../../../../test/support/promised.ts';
import { openSocket, type TestSocket } from '../../../../test/support/sockets.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';

let world: World;
let ann: Member;
let sockets: TestSocket[] = [];

before(async () => {
  world = await createWorld({ env: { SOCKETS_PER_TENANT: '20', CORS_ORIGINS: 'https://known.example' } });
  ann = await world.signUp();
});
afterEach(() => {
  for (const socket of sockets) socket.leave();
  sockets = [];
});
after(() => world.stop());

const path = () => `${world.prefix}/ws`;
async function open(options: Parameters<typeof openSocket>[1] = {}, query = ''): Promise<TestSocket> {
  const socket = await openSocket(`${world.url}${path()}${query}`, options);
  sockets.push(socket);
  return socket;
}
const signedIn = (member: Member = ann) => open({ token: member.token });
const agent = (name: string, who: Member = ann) => who.post('/agents', { name, instructions: 'x' });
const keyOf = async (who: Member, scopes: string[]) => (await who.post('/api-keys', { name: 'k', scopes })).body;
const joins = async (who: Member): Promise<Member> => {
  const email = `${Math.random().toString(36).slice(2)}@example.com`;
  const { body } = await who.post('/invitations', { email, roles: ['developer'] });
  const { body: accepted } = await world.anonymous.post('/auth/invitations/accept', {
    token: body.token,
    password: 'a password of some length',
  });
  return { ...world.as(accepted.access_token), token: accepted.access_token, userId: accepted.user.id } as Member;
};

/** An answer to a handshake that is no 101. */
async function shake(headers: Record<string, string>): Promise<IncomingMessage> {
  const asked = request(`${world.url}${path()}`, {
    headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers },
  });
  asked.end();
  const [answer] = await once(asked, 'response');
  return answer;
}

test('who it is can be said in four ways, and is told back', async () => {
  const { key } = await keyOf(ann, ['events:read']);
  const { body } = await ann.post('/tickets', { path: path() });
  const ways = await Promise.all([
    open({ token: ann.token }),
    open({ protocols: ['parley.v1', `bearer.${ann.token}`] }),
    open({ protocols: [`bearer.${key}`] }),
    open({ headers: { authorization: `Bearer ${key}` } }),
    open({}, `?ticket=${body.ticket}`),
  ]);
  const ready = await Promise.all(ways.map((socket) => socket.until(({ type }) => type === 'ready')));
  assert.deepEqual(
    ready.map(({ actor, tenant_id: tenantId }) => [actor.kind, tenantId]),
    ['user', 'user', 'api_key', 'api_key', 'user'].map((kind) => [kind, ann.tenantId]),
  );
  assert.match(ready[0]?.expires_at, /^\d{4}-/);
  assert.equal(ready[2]?.expires_at, null);
  assert.deepEqual(
    ways.map(({ ws }) => ws.protocol),
    ['', 'parley.v1', `bearer.${key}`, '', ''],
  );
  const again = await open({}, `?ticket=${body.ticket}`);
  assert.equal((await again.closed).code, 4401);
  assert.equal(again.said[0]?.error.code, 'unauthenticated');
});

test('bad credentials end the connection, and so does asking before there are any', async () => {
  for (const options of [{ token: 'x' }, { token: `parley_key_${'a'.repeat(60)}` }, { protocols: ['bearer.x'] }]) {
    const socket = await open(options);
    assert.equal((await socket.closed).code, 4401);
  }
  const silent = await open();
  const { error } = await silent.subscribe('*');
  assert.equal(error.code, 'unauthenticated');
  assert.match(error.message, /Say first who you are/);
});

test('a plain GET, a broken handshake and a foreign page are answered by HTTP', async () => {
  const plain = await ann.get('/ws');
  assert.deepEqual(
    [plain.status, plain.body.error.code, plain.headers.get('upgrade')],
    [426, 'upgrade_required', 'websocket'],
  );
  await assert.rejects(open({ headers: { origin: 'https://evil.example' } }), /Refused with 403/);
  const key = Buffer.alloc(16).toString('base64');
  const handshakes: [Record<string, string>, number][] = [
    [{ 'sec-websocket-version': '8', 'sec-websocket-key': key }, 426],
    [{ 'sec-websocket-version': '13', 'sec-websocket-key': 'x' }, 400],
    [{ 'sec-websocket-version': '13' }, 400],
    [{ 'sec-websocket-version': '13', 'sec-websocket-key': key, 'sec-websocket-protocol': 'a, a' }, 400],
  ];
  for (const [headers, status] of handshakes) {
    const answer = await shake(headers);
    assert.equal(answer.statusCode, status, JSON.stringify(headers));
    const body = JSON.parse(await text(answer));
    assert.equal(body.error.request_id, answer.headers['x-request-id']);
  }
  await assert.rejects(open({}, '?token=x'), /Refused with 422/);
  await assert.rejects(openSocket(`${world.url}${world.prefix}/nothing`), /Refused with 404/);
  for (const origin of ['https://known.example', world.url]) await open({ headers: { origin } });
});

test('one connection carries many channels, each with its own cursor and types', async () => {
  const socket = await signedIn();
  const { body: product } = await ann.post('/products', {
    name: 'Tea',
    price: { amount: 100, currency: 'EUR' },
    stock: 1,
  });
  // What was announced before is in the log: it does not come after a subscription from now on.
  await world.settle();
  const all = await socket.subscribe('*');
  const one = await socket.subscribe(`products/${product.id}`, { types: ['product_changed'] });
  assert.deepEqual([all.type, one.type], ['subscribed', 'subscribed']);
  await ann.patch(`/products/${product.id}`, { name: 'Better tea' });
  const [mine, everybodys] = await Promise.all(
    [`products/${product.id}`, '*'].map((channel) =>
      socket.until((said) => said.channel === channel && said.event === 'product_changed'),
    ),
  );
  assert.equal(mine?.id, everybodys?.id);
  assert.deepEqual(mine?.data, everybodys?.data);
  assert.equal(mine?.data.stream, `products/${product.id}`);

  socket.say({ type: 'unsubscribe', channel: `products/${product.id}`, id: 'u' });
  assert.deepEqual(await socket.until(({ type }) => type === 'unsubscribed'), {
    ...{ type: 'unsubscribed', id: 'u', channel: `products/${product.id}`, reason: 'asked' },
  });
  await ann.patch(`/products/${product.id}`, { name: 'Best tea' });
  await socket.until((said) => said.channel === '*' && said.data?.data.version === 3);
  assert.equal(socket.types(`products/${product.id}`).length, 1);
});

test('a discussion is followed with its live text', async () => {
  const { body: made } = await agent('ada');
  const { body } = await ann.post('/discussions', {
    topic: 'Tea',
    participants: [{ agent_id: made.id }],
    limits: { max_turns: 1 },
    start: false,
  });
  assert.ok(body.id, JSON.stringify(body));
  const socket = await signedIn();
  await socket.subscribe(`discussions/${body.id}`, { cursor: body.cursor });
  // Who follows only after the last word is told no more of it live.
  await ann.post(`/discussions/${body.id}/resume`);
  await socket.until(({ event }) => event === 'discussion_completed');
  const texts = socket.said.filter(({ event }) => event === 'message_delta' || event === 'turn_snapshot');
  assert.ok(texts.length > 0);
  assert.ok(texts.every(({ id, channel }) => id === null && channel === `discussions/${body.id}`));
  const { body: page } = await ann.get(`/discussions/${body.id}/messages`);
  const said = texts.reduce((text, { data }) => text.slice(0, data.offset ?? 0) + data.text, '');
  assert.equal(said, page.items[0].content);
});

test('what cannot be understood is answered with the field and the rule, and nothing breaks', async () => {
  const socket = await signedIn();
  const answers: [message: unknown, field: string, rule: string][] = [
    [{ type: 'subscrib' }, 'type', 'enum'],
    [{}, 'type', 'enum'],
    [{ type: 'subscribe' }, 'channel', 'required'],
    [{ type: 'subscribe', channel: '*', from: 1 }, 'from', 'additionalProperties'],
    [{ type: 'subscribe', channel: 7 }, 'channel', 'type'],
    [{ type: 'subscribe', channel: 'nothing/here' }, 'channel', 'exists'],
    [{ type: 'subscribe', channel: '*/x' }, 'channel', 'exists'],
    [{ type: 'subscribe', channel: 'discussions/%00' }, 'channel', 'exists'],
    [{ type: 'subscribe', channel: '*', cursor: 'x' }, 'cursor', 'format'],
    [{ type: 'subscribe', channel: '*', types: [] }, 'types', 'minItems'],
    [{ type: 'ping', id: 'x'.repeat(101) }, 'id', 'maxLength'],
    [[], '', 'type'],
  ];
  for (const [message, field, rule] of answers) {
    const before = socket.said.length;
    socket.say(message);
    await until(() => socket.said.length > before);
    const fault = socket.said[before]?.error.details.fields[0];
    assert.deepEqual([fault?.field, fault?.rule], [field, rule], JSON.stringify(message));
  }
  const texts: [string | Buffer, string][] = [
    ['{', 'invalid_json'],
    [Buffer.from('{"type":"ping"}'), 'invalid_json'],
    ['{"type":"ping","__proto__":{}}', 'validation_failed'],
    [JSON.stringify({ type: 'subscribe', channel: `discussions/${ann.tenantId}` }), 'not_found'],
    [JSON.stringify({ type: 'unsubscribe', channel: '*' }), 'not_found'],
  ];
  for (const [text, code] of texts) {
    const before = socket.said.length;
    socket.ws.send(text);
    await until(() => socket.said.length > before);
    assert.equal(socket.said[before]?.error.code, code, String(text));
  }
  await socket.subscribe('*');
  assert.equal((await socket.subscribe('*')).error.code, 'already_exists');
  socket.say({ type: 'ping', id: 'p' });
  assert.deepEqual(await socket.until(({ type }) => type === 'pong'), { type: 'pong', id: 'p' });
  socket.ws.send('x'.repeat(70_000));
  assert.equal((await socket.closed).code, 1009);
});

test('it resumes after a cursor, over a restart too: no hole, no repeat; another epoch is reset', async () => {
  const first = await signedIn();
  const { cursor } = await first.subscribe('*', { types: ['agent_registered'] });
  const names: string[] = [];
  const make = async (from: number, to: number) => {
    for (let n = from; n < to; n += 1) {
      names.push(`r${n}`);
      assert.equal((await agent(`r${n}`)).status, 201);
    }
  };
  await make(0, 5);
  await first.until((said) => said.data?.data?.name === 'r3');
  first.leave();
  await make(5, 8);
  await world.restart();
  await make(8, 10);
  const heard = first.said.filter(({ type, id }) => type === 'event' && id);
  const second = await signedIn();
  await second.subscribe('*', { cursor: String(heard.at(-1)?.id), types: ['agent_registered'] });
  await make(10, 12);
  await second.until((said) => said.data?.data?.name === 'r11');
  const all = [...heard, ...second.said.filter(({ type }) => type === 'event')];
  assert.deepEqual(
    all.map(({ data }) => data.data.name),
    names,
  );
  assert.equal(new Set(all.map(({ id }) => id)).size, names.length);

  const third = await signedIn();
  await third.subscribe('*', { cursor: 'elsewhere.7' });
  const reset = await third.until(({ type }) => type === 'reset');
  assert.deepEqual([reset.channel, reset.reason], ['*', 'epoch_changed']);
  assert.equal(reset.cursor.split('.')[0], String(cursor).split('.')[0]);
});

test('two tenants hear nothing of one another', async () => {
  const eve = await world.signUp();
  const { body: mine } = await ann.post('/products', { name: 'Mine', price: { amount: 1, currency: 'EUR' }, stock: 1 });
  const [hers, his] = [await signedIn(), await signedIn(eve)];
  await Promise.all([hers.subscribe('*'), his.subscribe('*')]);
  const foreign = await his.subscribe(`products/${mine.id}`);
  const none = await his.subscribe('products/01920000-0000-7000-8000-000000000000');
  assert.deepEqual([foreign.error.code, foreign.error.message], [none.error.code, none.error.message]);
  await agent('hers');
  await agent('his', eve);
  await his.until((said) => said.data?.data?.name === 'his');
  await hers.until((said) => said.data?.data?.name === 'hers');
  assert.ok(!JSON.stringify(his.said).includes(ann.tenantId) && !JSON.stringify(his.said).includes('"hers"'));
});

test('who may not is told so, and a seat’s key opens its own discussion only', async () => {
  const { key } = await keyOf(ann, ['agents:read']);
  const poor = await open({ token: key });
  const refused = await poor.subscribe('*');
  assert.deepEqual([refused.error.code, refused.error.details], ['permission_denied', { permission: 'events:read' }]);

  const make = async () => {
    const { body } = await ann.post('/discussions', { topic: 't', participants: [{ seat: { name: 'guest' } }] });
    return body;
  };
  const [own, other] = [await make(), await make()];
  const issue = async () =>
    (await ann.post(`/discussions/${own.id}/participants/${own.participants[0].id}/key`)).body.key as string;
  const seat = await open({ token: await issue() });
  assert.equal((await seat.subscribe(`discussions/${own.id}`)).type, 'subscribed');
  assert.equal((await seat.subscribe(`discussions/${other.id}`)).error.code, 'not_found');
  assert.match((await seat.subscribe('*')).error.message, /one seat/);
  // A new key takes the place of the old one.
  await promised(1_000, async () => {
    const old = await open({ token: await issue() });
    const since = performance.now();
    await issue();
    assert.equal((await old.closed).code, 4401);
    return performance.now() - since;
  });
});

/** Ends what these connections were opened with, and answers in how many milliseconds they were closed. */
async function ending(sockets: TestSocket[], end: () => Promise<{ status: number }>): Promise<number> {
  const since = performance.now();
  assert.ok((await end()).status < 300);
  for (const socket of sockets) assert.equal((await socket.closed).code, 4401);
  return performance.now() - since;
}

test('a session, a key or a membership that ends closes its connections within a second', async () => {
  await promised(1_000, async () => {
    const { key: token, id } = await keyOf(ann, ['events:read']);
    const [busy, idle] = await Promise.all([open({ token }), open({ token })]);
    await busy.subscribe('*');
    return ending([busy, idle], () => ann.delete(`/api-keys/${id}`));
  });
  await promised(1_000, async () => {
    const { body: signIn } = await world.anonymous.post('/auth/token', {
      ...{ grant_type: 'password', username: ann.email, password: ann.password },
    });
    const session = await open({ token: signIn.access_token });
    const { body: ticket } = await world.as(signIn.access_token).post('/tickets', { path: path() });
    const ticketed = await open({}, `?ticket=${ticket.ticket}`);
    await ticketed.until(({ type }) => type === 'ready');
    return ending([session, ticketed], () => world.anonymous.post('/auth/revoke', { token: signIn.refresh_token }));
  });
  await promised(1_000, async () => {
    const bob = await joins(ann);
    const member = await signedIn(bob);
    await member.subscribe('*');
    return ending([member], () => ann.delete(`/users/${bob.userId}`));
  });
});

test('a role that changes is heard of: what may still be followed goes on without a hole', async () => {
  const bob = await joins(ann);
  await ann.patch(`/users/${bob.userId}`, { roles: ['admin'] });
  const socket = await signedIn(bob);
  await socket.subscribe('*', { types: ['agent_registered', 'api_key_created'] });
  await keyOf(ann, ['agents:read']);
  await socket.until(({ event }) => event === 'api_key_created');
  await agent('before');
  await ann.patch(`/users/${bob.userId}`, { roles: ['viewer'] });
  await keyOf(ann, ['agents:read']);
  await agent('after');
  await socket.until((said) => said.data?.data?.name === 'after');
  assert.deepEqual(socket.types('*'), ['api_key_created', 'agent_registered', 'agent_registered']);
});

test('a tenant has so many connections and no more; one that ends makes room', {
  skip: alone('each counts the connections that it has'),
}, async () => {
  const eve = await world.signUp();
  const open20 = await Promise.all(Array.from({ length: 20 }, () => signedIn(eve)));
  const late = await signedIn(eve);
  assert.deepEqual([late.said[0]?.error.code, (await late.closed).code], ['limit_reached', 4429]);
  assert.match(late.said[0]?.error.message, /20 WebSocket connections/);
  assert.equal((await signedIn()).said[0]?.type, 'ready', 'another tenant has its own');
  open20[0]?.leave();
  await until(async () => (await signedIn(eve)).said[0]?.type === 'ready');
});

test('many clients hear the same, and metrics tell of them', async () => {
  const eve = await world.signUp();
  const clients = await Promise.all(Array.from({ length: 19 }, () => signedIn(eve)));
  await Promise.all(clients.map((socket) => socket.subscribe('*')));
  for (let n = 0; n < 20; n += 1) await agent(`n${n}`, eve);
  await Promise.all(clients.map((socket) => socket.until((said) => said.data?.data?.name === 'n19')));
  const [first] = clients;
  for (const client of clients)
    assert.deepEqual(
      client.said.filter(({ type }) => type === 'event'),
      first?.said.filter(({ type }) => type === 'event'),
    );
  let metrics = '';
  const total = (name: string) =>
    [...metrics.matchAll(new RegExp(`^${name} (\\d+)$`, 'gm'))].reduce((sum, [, count]) => sum + Number(count), 0);
  // Those that the test before this one left may be closing yet.
  await until(async () => {
    metrics = (await world.metrics()).join('\n');
    return total('socket_channels') === 19 && total('socket_connections') < 30;
  });
  assert.ok(total('socket_connections') >= 19);
  assert.match(metrics, /^socket_queued_bytes \d+$/m);
  assert.match(metrics, /^socket_messages_received_total\{type="subscribe"\} \d+$/m);
  assert.match(metrics, /^socket_messages_sent_total \d+$/m);
  assert.match(metrics, /^socket_closes_total\{code="4401"\} \d+$/m);
});
