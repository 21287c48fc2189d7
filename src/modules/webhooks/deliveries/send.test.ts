import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { createReceiver } from '../../../../test/support/receiver.ts';
import { createOutbound } from '../../../platform/net/outbound.ts';
import { createSend, type Sent } from './send.ts';

const OPEN = { allow: ['127.0.0.1', 'localhost', 'elsewhere.example'] };
const request = (url: string) => ({ url, headers: { 'content-type': 'application/json' }, body: '{"a":1}' });
const never = () => new AbortController().signal;

/** Sends to a server that knows nothing but sockets. */
async function toSocket(serve: (socket: Socket) => void, timeoutMs = 3_000): Promise<Sent> {
  const outbound = createOutbound(OPEN);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('data', () => serve(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    return await createSend(outbound, timeoutMs)(request(`http://127.0.0.1:${port}/`), never());
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await outbound.close();
  }
}
const head = (status: string, more = '') => `HTTP/1.1 ${status}\r\n${more}\r\n`;

test('an answer is told with its beginning, without what a database cannot hold', async () => {
  const sent = await toSocket((socket) => socket.end(`${head('200 OK', 'content-length: 7\r\n')}fi\u0000ne\n!`));
  assert.deepEqual(
    { ...sent, latencyMs: 0 },
    {
      ...{ status: 200, latencyMs: 0, error: null, response: 'fi\ufffdne\n!', retryAfter: undefined },
    },
  );
});

test('who does not answer is given up, however much time it takes with its head', async () => {
  const silent = await toSocket(() => {}, 400);
  assert.deepEqual([silent.status, silent.error], [null, 'No answer within 0.4 seconds.']);
  assert.ok(silent.latencyMs >= 390 && silent.latencyMs < 3_000, String(silent.latencyMs));
  const dripping = await toSocket((socket) => {
    const timer = setInterval(() => socket.write('H'), 20);
    socket.on('close', () => clearInterval(timer));
  }, 400);
  assert.equal(dripping.status, null);
});

test('the status decides: a body that is cut, slow or endless changes nothing', async () => {
  const cut = await toSocket((socket) => {
    socket.write(`${head('200 OK', 'content-length: 100\r\n')}only so`);
    socket.end();
  });
  assert.deepEqual([cut.status, cut.error, cut.response], [200, null, 'only so']);
  const slow = await toSocket((socket) => {
    socket.write(`${head('201 Created', 'content-length: 100\r\n')}some`);
  });
  assert.deepEqual([slow.status, slow.error, slow.response], [201, null, 'some']);
});

test('of a huge answer only the beginning is read', async () => {
  let written = 0;
  const sent = await toSocket((socket) => {
    socket.write(head('500 Oops', 'transfer-encoding: chunked\r\n'));
    const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const more = () => {
      while (written < 2_000 && !socket.destroyed) {
        written += 1;
        if (!socket.write(piece)) return void socket.once('drain', more);
      }
    };
    more();
  });
  assert.equal(sent.status, 500);
  assert.equal(sent.response?.length, 500);
  assert.equal(sent.error, 'The receiver answered 500.');
  assert.ok(written < 500, `${written} pieces of 64 KiB were taken`);
});

test('what breaks is told in words, without addresses', async () => {
  const gone = await toSocket((socket) => socket.destroy());
  assert.deepEqual([gone.status, gone.error], [null, 'The connection was cut.']);
  const other = await toSocket((socket) => socket.end('SSH-2.0-hello\r\n'));
  assert.deepEqual([other.status, other.error], [null, 'The answer was not HTTP.']);
  const outbound = createOutbound(OPEN);
  const send = createSend(outbound, 2_000);
  assert.equal((await send(request('http://127.0.0.1:1/'), never())).error, 'Its host refused the connection.');
  assert.equal((await send(request('https://nowhere.invalid/'), never())).status, null);
  await using receiver = await createReceiver();
  const tls = await send(request(`https://127.0.0.1:${receiver.port}/`), never());
  assert.equal(tls.error, 'Its TLS certificate or handshake failed.');
  await outbound.close();
});

test('no redirect is followed, wherever it leads', async () => {
  await using inner = await createReceiver();
  for (const status of [301, 302, 303, 307, 308]) {
    const sent = await toSocket((socket) => socket.end(head(`${status} Moved`, `location: ${inner.url}\r\n`)));
    assert.deepEqual([sent.status, sent.error], [null, 'The answer was a redirect, which is not followed.']);
  }
  assert.equal(inner.received.length, 0);
});

test('a name that came to resolve to a private address is refused at the connection', async () => {
  await using receiver = await createReceiver();
  let address = '93.184.215.14';
  const outbound = createOutbound({
    allow: ['10.0.0.0/8'],
    lookup: (_name, _options, callback) => callback(null, [{ address, family: address.includes(':') ? 6 : 4 }]),
  });
  const send = createSend(outbound, 2_000);
  outbound.check('http://rebind.example/', 'tenant');
  for (address of ['127.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', 'fd00::1']) {
    const { status, error } = await send(request(`http://rebind.example:80/`), never());
    assert.equal(status, null);
    assert.match(error ?? '', /^The address is not a public one/, address);
  }
  assert.equal(receiver.received.length, 0);
  await outbound.close();
});

test('the caller’s own end is no failure of the receiver', async () => {
  await using receiver = await createReceiver(() => {});
  const outbound = createOutbound(OPEN);
  const abort = new AbortController();
  const sending = createSend(outbound)(request(receiver.url), abort.signal);
  await receiver.until(1);
  abort.abort(new Error('stopping'));
  await assert.rejects(sending, /stopping/);
  await outbound.close();
});
