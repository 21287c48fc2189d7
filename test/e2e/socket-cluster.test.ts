import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { promised } from '../support/promised.ts';
import { noRedis } from '../support/redis.ts';
import { openSocket, type Said } from '../support/sockets.ts';

let cluster: Cluster;
before(async () => {
  if (!noRedis) cluster = await startCluster({ roles: ['api', 'api', 'worker'] });
});
after(() => cluster?.stop());

test('a socket of one process hears what another does, ends with a key that another revokes, and goes on elsewhere', {
  skip: noRedis,
}, async (t) => {
  const [near, far] = [cluster.member('api', 0), cluster.member('api', 1)];
  const { body: account } = await near.as().post('/auth/register', {
    ...{ email: 'ann@example.com', password: 'a password of some length', tenant_name: 'Test' },
  });
  const token: string = account.access_token;
  const ann = near.as(token);
  const agent = (name: string) => ann.post('/agents', { name, instructions: 'x' });
  const named = (name: string) => (said: Said) => said.data?.data?.name === name;

  const there = await openSocket(`${far.url}/api/v1/ws`, { token });
  await there.subscribe('*', { types: ['agent_registered'] });
  await agent('one');
  const one = await there.until(named('one'));

  const tookMs = await promised(1_000, async () => {
    const { body: key } = await ann.post('/api-keys', { name: 'k', scopes: ['events:read'] });
    const byKey = await openSocket(`${far.url}/api/v1/ws`, { token: key.key });
    await byKey.subscribe('*');
    const since = performance.now();
    assert.equal((await ann.delete(`/api-keys/${key.id}`)).status, 204);
    assert.equal((await byKey.closed).code, 4401);
    return performance.now() - since;
  });
  t.diagnostic(`${Math.round(tookMs)} ms`);

  const killed = far.kill('SIGTERM');
  const { code, reason } = await there.closed;
  assert.deepEqual([code, /^stopping; retry_ms=\d+$/.test(reason)], [1012, true]);
  await agent('two');
  await killed;
  const here = await openSocket(`${near.url}/api/v1/ws`, { token });
  await here.subscribe('*', { cursor: String(one.id), types: ['agent_registered'] });
  await here.until(named('two'));
  assert.deepEqual(
    here.said.filter(({ type }) => type === 'event').map(({ data }) => data.data.name),
    ['two'],
  );
  here.leave();
});
