import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { FaultProxy } from './proxy.ts';

let echo: Server;
before(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
});
after(() => echo.close());

async function open(proxy: FaultProxy): Promise<{ socket: Socket; heard(bytes: number): Promise<string> }> {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
    socket.emit('heard');
  });
  return {
    socket,
    async heard(bytes) {
      while (text.length < bytes) await once(socket, 'heard');
      return text;
    },
  };
}

const start = () => FaultProxy.start({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port });

test('a wire passes everything on; cut, it resets what stands and what comes', async () => {
  await using proxy = await start();
  const { socket, heard } = await open(proxy);
  const long = 'x'.repeat(300_000);
  socket.write(long);
  assert.equal(await heard(long.length), long);
  const closed = once(socket, 'error');
  proxy.set({ kind: 'cut' });
  const [reset] = (await closed) as [NodeJS.ErrnoException];
  assert.equal(reset.code, 'ECONNRESET');
  const second = connect(proxy.port, '127.0.0.1');
  const [error] = (await once(second, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  proxy.heal();
  const third = await open(proxy);
  third.socket.write('again');
  assert.equal(await third.heard(5), 'again');
});

test('half open, nobody hears anything, and healed everything comes in order', async () => {
  await using proxy = await start();
  const { socket, heard } = await open(proxy);
  socket.write('a');
  await heard(1);
  proxy.set({ kind: 'hang' });
  socket.write('b');
  const late = await open(proxy);
  late.socket.write('z');
  // Another wire to the same server is faster than this one, as long as it hangs.
  await using other = await start();
  const quick = await open(other);
  quick.socket.write('q');
  await quick.heard(1);
  assert.equal(socket.bytesRead, 1);
  assert.equal(late.socket.bytesRead, 0);
  proxy.heal();
  socket.write('c');
  assert.equal(await heard(3), 'abc');
  assert.equal(await late.heard(1), 'z');
});

test('a slow wire is late both ways, and keeps the order when it becomes fast again', async () => {
  await using proxy = await start();
  const { socket, heard } = await open(proxy);
  proxy.set({ kind: 'slow', ms: 60 });
  const begun = performance.now();
  socket.write('1');
  await heard(1);
  // Of two timers, each up to a millisecond early.
  assert.ok(performance.now() - begun >= 118, 'there and back');
  socket.write('2');
  proxy.heal();
  socket.write('3');
  assert.equal(await heard(3), '123');
});
