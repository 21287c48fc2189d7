import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/support/log.ts';
import { noRedis, ownRedis } from '../../../test/support/redis.ts';
import { createWorld } from '../../../test/support/world.ts';

test('readiness tells of the database, and that Redis is not needed', async () => {
  await using world = await createWorld({ redis: false });
  const { status, body } = await world.anonymous.get('/health/ready');
  assert.equal(status, 200);
  assert.deepEqual(body, { status: 'ok', database: 'connected', redis: 'disabled' });
});

test('a configured Redis that is down is 503, or degraded for whoever allows it', { skip: noRedis }, async () => {
  const redis = await ownRedis();
  await using world = await createWorld({ env: { REDIS_URL: redis.url } });
  const ready = (query = '') => world.anonymous.get(`/health/ready${query}`);
  assert.deepEqual((await ready()).body, { status: 'ok', database: 'connected', redis: 'connected' });
  await redis.kill();
  await until(async () => (await ready()).body.redis === 'disconnected');
  const strict = await ready();
  assert.deepEqual([strict.status, strict.body.status], [503, 'unavailable']);
  const degraded = await ready('?allow=degraded');
  assert.deepEqual([degraded.status, degraded.body.status], [200, 'degraded']);
  assert.equal((await world.anonymous.get('/health')).status, 200);
  const again = await ownRedis({ port: redis.port });
  await until(async () => (await ready()).status === 200);
  await redis.close();
  await again.close();
});
