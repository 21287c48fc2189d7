import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import { placed, stocked, stockOf } from '../../../../test/support/orders.ts';
import { PaymentStandIn } from '../../../../test/support/payments.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';

let world: World;
let me: Member;
let service: PaymentStandIn;
let tea: { id: string };
before(async () => {
  service = await PaymentStandIn.start();
  world = await createWorld({ env: service.env });
  me = await world.signUp();
});
after(async () => {
  await world.stop();
  await service[Symbol.asyncDispose]();
});
beforeEach(async () => {
  service.script({ does: 'answer' });
  tea = await stocked(me, 20);
});

const buy = (customer: object | null = null) => placed(me, { [tea.id]: 2 }, { customer });
const read = async (id: string) => (await me.get(`/orders/${id}`)).body;
const types = async (id: string) =>
  (await me.get(`/events?stream=orders/${id}`)).body.items.map(({ type }: { type: string }) => type).reverse();
/** Resolves when the order is so; looks again with each event and each try. */
async function until(id: string, is: (order: Awaited<ReturnType<typeof read>>) => boolean) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    await world.settle();
    const order = await read(id);
    if (is(order)) return order;
    assert.ok(Date.now() < deadline, JSON.stringify(order));
    // What is to be tried again later is tried now: that time passes is not what is tested.
    await world.db.inSystemTx((tx) =>
      tx.run(sql`update jobs set run_at = now() where kind = 'orders.settle' and key = ${id}`),
    );
  }
}
/** The reservation's time is over. */
const expire = async (id: string) => {
  await world.db.inSystemTx((tx) =>
    tx.run(sql`update jobs set run_at = now() where kind = 'orders.expire' and key = ${id}`),
  );
  await until(id, ({ status }) => status !== 'pending');
};
const paymentOf = ({ payment: { attempts: _, ...payment } }: { payment: Record<string, unknown> }) => payment;

test('the service is asked once, for what the order comes to, under a key of the order', async () => {
  const customer = { name: 'Ada', email: 'ada@example.com' };
  const { id, number } = await buy(customer);
  const order = await until(id, ({ status }) => status === 'paid');
  const asked = service.asked.filter(({ body }) => body.order_id === id);
  assert.equal(asked.length, 1);
  const [{ method, path, key, headers, body }] = asked as [(typeof asked)[0]];
  assert.deepEqual([method, path, key], ['POST', '/payments', `order:${id}:payment`]);
  assert.deepEqual(body, { order_id: id, amount: 2_000, currency: 'EUR', description: `Order ${number}`, customer });
  assert.match(String(headers.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  const [booked] = service.paymentsOf(id);
  assert.deepEqual(order.payment, {
    status: 'succeeded',
    provider: 'service',
    reference: booked?.id,
    attempts: 1,
    error: null,
  });
});

test('a refused payment leaves the order to be paid anew, under another key, until it expires', async () => {
  service.script((asked) => ({
    does: 'answer',
    status: asked.body.customer ? 'failed' : 'succeeded',
    reason: 'card_declined',
  }));
  const { id } = await buy({ name: 'Bo', email: 'bo@example.com' });
  const refused = await until(id, ({ payment }) => payment.status === 'failed');
  assert.deepEqual(
    [refused.status, refused.status_reason, refused.payment.error],
    ['pending', 'payment_failed', 'card_declined'],
  );
  assert.deepEqual(await types(id), ['order_created', 'order_payment_failed']);
  assert.deepEqual(await stockOf(me, tea.id), [18, 2], 'held still');

  service.script({ does: 'answer' });
  const again = (await me.post(`/orders/${id}/pay`)).body;
  assert.deepEqual([again.status_reason, again.payment.status, again.payment.error], [null, 'none', null]);
  const paid = await until(id, ({ status }) => status === 'paid');
  assert.equal(paid.payment.attempts, 2);
  assert.deepEqual(
    service.asked.filter(({ body }) => body.order_id === id).map(({ key }) => key),
    [`order:${id}:payment`, `order:${id}:payment:2`],
  );
  assert.equal(service.balanceOf(id), 2_000);

  service.script({ does: 'answer', status: 'failed' });
  const other = await buy();
  await until(other.id, ({ payment }) => payment.status === 'failed');
  await expire(other.id);
  assert.deepEqual(await types(other.id), ['order_created', 'order_payment_failed', 'order_expired']);
  assert.equal((await me.post(`/orders/${other.id}/pay`)).status, 409);
  assert.deepEqual(await stockOf(me, tea.id), [18, 2]);
});

test('a payment whose answer was lost is asked for again under the same key, and charged once', async () => {
  for (const fault of [
    { does: 'cut', booked: true },
    { does: 'error', status: 500, booked: true },
    { does: 'garbage', booked: true },
    { does: 'error', status: 503, headers: { 'retry-after': '0' } },
    { does: 'error', status: 409 },
    { does: 'cut' },
  ] as const) {
    service.script(fault, { does: 'answer' });
    const { id } = await buy();
    await until(id, ({ status }) => status === 'paid');
    const asked = service.asked.filter(({ body }) => body.order_id === id);
    assert.ok(asked.length >= 2, JSON.stringify(fault));
    assert.equal(new Set(asked.map(({ key }) => key)).size, 1);
    assert.equal(service.paymentsOf(id).length, 1);
    assert.equal(service.balanceOf(id), 2_000, JSON.stringify(fault));
  }
});

test('a payment that takes time is looked up by its own id until it is decided', async () => {
  service.script({ does: 'answer', status: 'pending' });
  const { id } = await buy();
  const waiting = await until(id, ({ payment }) => payment.reference !== null);
  assert.deepEqual([waiting.status, waiting.payment.status], ['pending', 'pending']);
  service.settle(id, 'succeeded');
  const paid = await until(id, ({ status }) => status === 'paid');
  assert.equal(paid.payment.attempts, 1, 'asked for the money once');
  assert.ok(
    service.asked.some(({ method, path }) => method === 'GET' && path === `/payments/${paid.payment.reference}`),
  );
});

test('an order that is closed while nobody knows is made sure of: nothing is charged, or it is given back', async () => {
  // Cancelled while the service hangs on the first request, which it has booked or not.
  for (const booked of [true, false]) {
    service.script({ does: 'cut', booked }, { does: 'cut' }, { does: 'cut' }, { does: 'error', status: 500 });
    const { id } = await buy();
    await service.heard(({ body }) => body.order_id === id);
    const cancelled = await me.post(`/orders/${id}/cancel`);
    assert.equal(cancelled.body.status, 'cancelled');
    service.script({ does: 'answer' });
    const done = await until(
      id,
      ({ payment }) => payment.status === (booked ? 'refunded' : 'none') || payment.status === 'refunded',
    );
    assert.equal(service.balanceOf(id), 0);
    assert.deepEqual([done.status, done.payment.error], ['cancelled', null]);
    const charged = service.paymentsOf(id).filter(({ status }) => status === 'succeeded').length;
    assert.equal(done.payment.status, charged === 1 ? 'refunded' : 'none');
  }
  assert.deepEqual(await stockOf(me, tea.id), [20, 0]);
});

test('an order that expires in an outage is never charged afterwards', async () => {
  service.script({ does: 'error', status: 500 });
  const { id } = await buy();
  await service.heard(({ body }) => body.order_id === id);
  await expire(id);
  assert.deepEqual([(await read(id)).status, await stockOf(me, tea.id)], ['expired', [20, 0]]);
  service.script({ does: 'answer' });
  const done = await until(id, ({ payment }) => payment.status === 'none');
  assert.equal(done.status, 'expired');
  assert.deepEqual(
    service.paymentsOf(id).map(({ status }) => status),
    ['voided'],
  );
  assert.deepEqual(await types(id), ['order_created', 'order_expired']);
});

test('a paid order that is cancelled gets its money back once, however often that fails', async () => {
  const { id } = await buy();
  await until(id, ({ status }) => status === 'paid');
  service.script({ does: 'cut', booked: true }, { does: 'error', status: 502 }, { does: 'answer' });
  await me.post(`/orders/${id}/cancel`, { reason: 'changed their mind' });
  const done = await until(id, ({ payment }) => payment.status === 'refunded');
  assert.deepEqual([service.balanceOf(id), service.paymentsOf(id)[0]?.refunded], [0, 2_000]);
  assert.deepEqual(await types(id), ['order_created', 'order_paid', 'order_cancelled', 'order_refunded']);
  assert.equal(done.payment.error, null);
});

test('a refund that the service will not make ends among the dead letters, and goes on from there', async () => {
  const { id } = await buy();
  await until(id, ({ status }) => status === 'paid');
  service.script({ does: 'error', status: 422 });
  await me.post(`/orders/${id}/cancel`);
  await world.settle();
  const stuck = await read(id);
  assert.equal(stuck.payment.status, 'refunding');
  assert.match(stuck.payment.error, /refused the request with 422: fault/);
  const { items } = (await me.get('/dead-letters?group=orders.settle')).body;
  assert.equal(items.length, 1, JSON.stringify(items));
  service.script({ does: 'answer' });
  assert.equal((await me.post(`/dead-letters/${items[0].id}/requeue`)).status, 200);
  await until(id, ({ payment }) => payment.status === 'refunded');
});

test('a refund that the service has declined is asked for under a new key when somebody requeues it', async () => {
  const { id } = await buy();
  await until(id, ({ status }) => status === 'paid');
  service.script({ does: 'answer', status: 'failed', reason: 'account_closed' });
  await me.post(`/orders/${id}/cancel`);
  await world.settle();
  assert.match((await read(id)).payment.error, /refused the refund: account_closed/);
  service.script({ does: 'answer' });
  const { items } = (await me.get(`/dead-letters?group=orders.settle&stream=${id}`)).body;
  assert.equal((await me.post(`/dead-letters/${items[0].id}/requeue`)).status, 200);
  await until(id, ({ payment }) => payment.status === 'refunded');
  assert.equal(service.balanceOf(id), 0);
  const keys = service.asked.filter(({ key }) => key.startsWith(`order:${id}:refund`)).map(({ key }) => key);
  assert.deepEqual(keys, [`order:${id}:refund`, `order:${id}:refund:2`]);
});

test('what costs nothing is paid without asking anybody', async () => {
  const gift = await stocked(me, 3, { price: { amount: 0, currency: 'EUR' } });
  const { id } = await placed(me, { [gift.id]: 1 });
  const order = await until(id, ({ status }) => status === 'paid');
  assert.deepEqual(paymentOf(order), { status: 'none', provider: null, reference: null, error: null });
  assert.equal(
    service.asked.some(({ body }) => body.order_id === id),
    false,
  );
  assert.equal((await me.post(`/orders/${id}/cancel`)).body.payment.status, 'none');
});

test('while the service is away the breaker spares it, and what waits is paid when it is back', async () => {
  service.script({ does: 'error', status: 500 });
  const before = service.asked.length;
  const orders = await Promise.all(Array.from({ length: 5 }, () => buy()));
  await world.settle();
  const { breakers } = (await me.get('/system')).body;
  const shown = breakers.find(({ name }: { name: string }) => name === 'payments')?.state;
  assert.equal(shown, world.apps.length === 1 ? 'open' : 'closed', 'of the process that answers');
  const metrics = (await world.metrics()).join('\n');
  assert.match(metrics, /^breaker_state\{name="payments"\} 2$/m, 'open, where payments are asked for');
  assert.ok(service.asked.length - before < 30, `${service.asked.length - before} requests`);
  assert.match((await read(orders[0].id)).payment.error, /payment service/);
  service.script({ does: 'answer' });
  for (const { id } of orders) await until(id, ({ status }) => status === 'paid');
  for (const { id } of orders) assert.equal(service.balanceOf(id), 2_000);
});
