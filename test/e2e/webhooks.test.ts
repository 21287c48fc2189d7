import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from '../support/client.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { until } from '../support/log.ts';
import { createReceiver, type Receiver } from '../support/receiver.ts';
import { noRedis } from '../support/redis.ts';

const EVENTS = 60;
/** So many are on their way when their worker is killed. */
const HELD = 4;

let cluster: Cluster;
let receiver: Receiver;
before(async () => {
  if (noRedis) return;
  receiver = await createReceiver();
  cluster = await startCluster({ roles: ['api', 'worker', 'worker'], env: { OUTBOUND_ALLOW: '127.0.0.1' } });
});
after(async () => {
  await cluster?.stop();
  await receiver?.[Symbol.asyncDispose]();
});

async function signUp(): Promise<Client> {
  const api = cluster.member('api');
  const person = { email: 'webhooks@example.com', password: 'a long walk to the harbour', tenant_name: 'Test' };
  const { body } = await api.as().post('/auth/register', person);
  return api.as(body.access_token);
}

test('every event reaches the receiver at least once, though workers are killed in the middle of it', {
  skip: noRedis,
}, async () => {
  const who = await signUp();
  const hook = (await who.post('/webhooks', { url: receiver.url, types: ['agent_registered'] })).body;
  const held = Promise.withResolvers<void>();
  receiver.answer((response) => {
    const taken = () => response.writeHead(204).end();
    if (receiver.received.length > HELD) taken();
    else void held.promise.then(taken);
  });
  const made = new Set<string>();
  for (let n = 0; n < EVENTS; n++) {
    made.add((await who.post('/agents', { name: `agent-${n}`, model: 'rehearsal' })).body.id);
    if (n === HELD * 2) {
      await receiver.until(HELD);
      await cluster.member('worker', 0).kill();
      await cluster.start('worker');
    }
    if (n === EVENTS / 2) {
      await cluster.member('worker', 1).kill();
      held.resolve();
    }
  }
  const got = () => new Set(receiver.received.map(({ event }) => event.subject as string));
  await until(() => made.isSubsetOf(got()));
  assert.deepEqual(got(), made);
  const succeeded = async () =>
    (await who.get(`/webhooks/${hook.id}/deliveries?status=succeeded&limit=100`)).body.items.length === EVENTS;
  await until(succeeded);
  // Again came only what was on its way when its worker died.
  assert.ok(receiver.received.length <= EVENTS + 2 * 16, String(receiver.received.length));
  const ids = receiver.received.map(({ headers, event }) => `${headers['webhook-id']} ${event.subject}`);
  assert.equal(new Set(ids).size, EVENTS);
});
