import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../test/support/log.ts';
import { noRedis, type OwnRedis, ownRedis } from '../../../test/support/redis.ts';
import { createLog } from '../telemetry/log.ts';
import { redisOptions } from './address.ts';
import { createRedis } from './redis.ts';

let server: OwnRedis;
before(async () => {
  if (!noRedis) server = await ownRedis();
});
after(() => server?.close());
const only = { skip: noRedis };

test('an address names host, user, password and database', () => {
  const { host, port, username, password, db, tls } = redisOptions('redis://me:p%40ss@redis.example:6380/3');
  assert.deepEqual([host, port, username, password, db, tls], ['redis.example', 6380, 'me', 'p@ss', 3, undefined]);
  assert.deepEqual(redisOptions('redis://[::1]'), { host: '::1', port: 6379 });
  assert.deepEqual(redisOptions('rediss://redis.example').tls, { servername: 'redis.example' });
});

test('keys are of this installation', only, async () => {
  const redis = await server.open();
  assert.equal(redis.key('tail', 3), `${server.prefix}:test:tail:3`);
  assert.equal(redis.publicKey('topics', 'orders'), `${server.prefix}:topics:orders`);
  await redis.commands.set(redis.key('x'), 'y');
  assert.equal(await redis.commands.get(redis.key('x')), 'y');
  assert.equal(redis.state(), 'connected');
});

test('where none is, the process starts and commands fail at once', only, async () => {
  const redis = await server.open({ url: 'redis://127.0.0.1:1' });
  assert.equal(redis.state(), 'disconnected');
  assert.equal(await redis.probe(), 'disconnected');
  const order: string[] = [];
  const failed = redis.commands.get('x').catch(() => void order.push('failed'));
  // Turns of the event loop, not time: a connection that is waited for takes many.
  const turns = async () => {
    for (let n = 0; n < 5; n += 1) await new Promise(setImmediate);
    order.push('a moment later');
  };
  await Promise.all([failed, turns()]);
  assert.deepEqual(order, ['failed', 'a moment later']);
  await redis.stop(1000);
  await redis.stop(1000);
});

test('a probe before the start says that it is not there yet, and does not stand in its way', only, async () => {
  const said: string[] = [];
  const log = createLog({ level: 'warn', write: (line) => said.push(line) });
  const redis = createRedis({ url: server.url, prefix: server.prefix, namespace: async () => 'test', log });
  assert.equal(await redis.probe(), 'disconnected');
  await redis.start();
  assert.deepEqual([await redis.probe(), redis.state(), said], ['connected', 'connected', []]);
  await redis.stop(1000);
});

test('it is told when Redis goes away and comes back, and connections come back by themselves', only, async () => {
  const first = await ownRedis();
  const redis = await first.open();
  const told: string[] = [];
  redis.onState((state) => told.push(state));
  const other = redis.connection('other');
  await until(() => other.status === 'ready');
  await first.kill();
  await until(() => redis.state() === 'disconnected');
  await assert.rejects(redis.commands.set(redis.key('x'), '1'));
  const again = await ownRedis({ port: first.port });
  await until(() => redis.state() === 'connected' && other.status === 'ready');
  assert.deepEqual(told, ['disconnected', 'connected']);
  assert.equal(await other.set(redis.key('x'), '1'), 'OK');
  await first.close();
  await again.close();
});

test('a server that hangs is noticed within seconds, and commands fail at once from then on', only, async () => {
  const hung = await ownRedis();
  const redis = await hung.open();
  process.kill(hung.pid, 'SIGSTOP');
  await assert.rejects(redis.commands.get('x'));
  await until(() => redis.state() === 'disconnected');
  await assert.rejects(redis.commands.get('x'), /writeable|closed/i);
  process.kill(hung.pid, 'SIGCONT');
  await until(() => redis.state() === 'connected');
  await hung.close();
});
