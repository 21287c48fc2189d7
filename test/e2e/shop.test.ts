import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { Client } from '../support/client.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { follow } from '../support/discussions.ts';
import { until } from '../support/log.ts';
import { order, placed, stocked, stockOf } from '../support/orders.ts';
import { PaymentStandIn } from '../support/payments.ts';
import { noRedis } from '../support/redis.ts';

let cluster: Cluster;
let service: PaymentStandIn;
/** The same shop by two processes. */
let [here, there]: Client[] = [];
before(async () => {
  if (noRedis) return;
  service = await PaymentStandIn.start();
  cluster = await startCluster({ roles: ['api', 'api', 'worker', 'worker'], env: service.env });
  const [first, second] = [cluster.member('api', 0), cluster.member('api', 1)];
  const { body } = await first.as().post('/auth/register', {
    ...{ email: 'shop@example.com', password: 'a long walk to the harbour', tenant_name: 'T' },
  });
  [here, there] = [first.as(body.access_token), second.as(body.access_token)];
});
after(async () => {
  await cluster?.stop();
  await service?.[Symbol.asyncDispose]();
});

const statusOf = async (id: string): Promise<string> => (await (there as Client).get(`/orders/${id}`)).body.status;

test('what one process changes, the other does not go on giving out', { skip: noRedis }, async () => {
  const [mine, theirs] = [here as Client, there as Client];
  const { id } = await stocked(mine, 10);
  const path = `/products/${id}`;
  assert.equal((await theirs.get(path)).body.stock, 10);
  await mine.patch(path, { name: 'Renamed', stock: 20 });
  await until(async () => (await theirs.get(path)).body.name === 'Renamed');
  await placed(theirs, { [id]: 3 });
  await until(async () => (await mine.get(path)).body.stock === 17);
  const redis = await cluster.redis.open();
  await redis.commands.flushall();
  assert.equal((await mine.get(path)).body.stock, 17, 'from the database, where there is nothing else');
});

test('of a hundred orders by two doors for ten pieces, ten are placed, and each is paid once', {
  skip: noRedis,
}, async () => {
  const tea = await stocked(here as Client, 10);
  const doors = [here as Client, there as Client];
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => order(doors[n % 2] as Client, { [tea.id]: 1 })),
  );
  const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.id as string);
  assert.equal(made.length, 10);
  assert.ok(answers.every(({ status }) => status === 201 || status === 409));
  for (const id of made) {
    await until(async () => (await statusOf(id)) === 'paid');
    assert.deepEqual([service.paymentsOf(id).length, service.balanceOf(id)], [1, 1_000]);
  }
  assert.deepEqual(await stockOf(there as Client, tea.id), [0, 10]);
});

test('a worker that dies while it asks for money is followed by one that asks again; it is charged once', {
  skip: noRedis,
}, async () => {
  const tea = await stocked(here as Client, 10);
  service.script({ does: 'hang', booked: true }, { does: 'answer' });
  const made = await placed(here as Client, { [tea.id]: 2 });
  const events = await follow(there as Client, made.id, { lastEventId: made.cursor, of: 'orders' });
  await service.heard(({ body }) => body.order_id === made.id);
  const row = await cluster.database.db.system.first<{ pid: number }>(sql`
    select p.pid from jobs j join processes p on p.id = j.holder where j.kind = 'orders.settle' and j.key = ${made.id}`);
  const worker = cluster.members.find(({ pid }) => pid === row?.pid);
  assert.equal(worker?.role, 'worker');
  await worker?.kill('SIGKILL');
  await events.until(({ event }) => event === 'order_paid');
  assert.deepEqual(events.types(), ['order_created', 'order_paid']);
  const { body } = await (there as Client).get(`/orders/${made.id}`);
  assert.deepEqual([body.status, body.payment.attempts], ['paid', 2]);
  assert.deepEqual([service.paymentsOf(made.id).length, service.balanceOf(made.id)], [1, 2_000]);
  events.close();
});

test('a breaker that opens in a worker is seen at whichever api is asked', { skip: noRedis }, async () => {
  const tea = await stocked(here as Client, 30);
  service.script({ does: 'error', status: 500 });
  for (let n = 0; n < 12; n++) await placed(here as Client, { [tea.id]: 1 });
  type Told = { pid: number; self: boolean; breakers: { name: string; state: string }[] };
  let [breakers, processes]: [unknown, Told[]] = [[], []];
  const isSpared = ({ breakers }: Told) =>
    breakers.some(({ name, state }) => name === 'payments' && state !== 'closed');
  await until(async () => {
    ({ breakers, processes } = (await (there as Client).get('/system')).body);
    return processes.some(isSpared);
  });
  assert.deepEqual(processes.find(({ self }) => self)?.breakers, breakers);
  const workers = cluster.members.filter(({ role }) => role === 'worker').map(({ pid }) => pid);
  assert.ok(processes.filter(isSpared).every(({ pid }) => workers.includes(pid)));
});
