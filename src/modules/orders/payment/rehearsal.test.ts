import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../../test/support/log.ts';
import { order, placed, stocked } from '../../../../test/support/orders.ts';
import { createWorld } from '../../../../test/support/world.ts';

test('without a service payments are rehearsed, and say so: yes, no, and after a while', async () => {
  let nowMs = Date.now();
  await using world = await createWorld({
    app: { clock: { now: () => new Date(nowMs) } },
    alone: 'each process has a rehearsal of its own, and what is slow in one is paid for another',
  });
  const me = await world.signUp();
  const tea = await stocked(me, 10);
  const buy = (email: string) => placed(me, { [tea.id]: 1 }, { customer: { name: 'x', email } });
  const read = async (id: string) => (await me.get(`/orders/${id}`)).body;
  const [yes, no, slow] = [
    await buy('ada@example.com'),
    await buy('Declined@example.com'),
    await buy('slow@example.com'),
  ];
  await world.settle();
  const [paid, refused, waiting] = [await read(yes.id), await read(no.id), await read(slow.id)];
  assert.deepEqual([paid.status, paid.payment.provider], ['paid', 'rehearsal']);
  assert.match(paid.payment.reference, /^rehearsal_[0-9a-f]{20}$/);
  assert.deepEqual([refused.status, refused.payment.error], ['pending', 'card_declined']);
  assert.deepEqual([waiting.status, waiting.payment.status], ['pending', 'pending']);
  // One that is cancelled while it is worked on is stopped.
  const other = await buy('slow@example.com');
  await until(async () => (await read(other.id)).payment.reference !== null);
  await me.post(`/orders/${other.id}/cancel`);
  await until(async () => (await read(other.id)).payment.status === 'none');
  assert.equal((await read(slow.id)).status, 'pending');
  nowMs += 2_000;
  await until(async () => (await read(slow.id)).status === 'paid');
});

test('production takes no orders that nobody would be paid for', async () => {
  await using world = await createWorld({
    profile: 'production',
    env: { REDIS_URL: 'redis://127.0.0.1:1', SIGNUP: 'open', ALLOW_PLAINTEXT: 'true' },
  });
  const me = await world.signUp();
  const tea = await stocked(me, 10);
  const { status, body, headers } = await order(me, { [tea.id]: 1 });
  assert.deepEqual([status, body.error.code, headers.get('retry-after')], [503, 'unavailable', '60']);
  assert.match(body.error.message, /PAYMENT_URL/);
  assert.deepEqual((await me.get('/orders')).body.items, []);
});
