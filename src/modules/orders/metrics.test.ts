import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placed, stocked } from '../../../test/support/orders.ts';
import { createWorld } from '../../../test/support/world.ts';

test('orders and their money are told by status and currency', async () => {
  await using world = await createWorld();
  const me = await world.signUp();
  const tea = await stocked(me, 10);
  const [{ id }] = await Promise.all([placed(me, { [tea.id]: 1 }), placed(me, { [tea.id]: 2 })]);
  await placed(me, { [tea.id]: 3 }, { customer: { name: 'Bo', email: 'declined@example.com' } });
  await world.settle();
  await me.post(`/orders/${id}/cancel`);
  await world.settle();
  const text = (await world.metrics()).join('\n');
  const values = (series: string) =>
    [...text.matchAll(new RegExp(`^${RegExp.escape(series)} (\\S+)$`, 'gm'))].map(([, value]) => Number(value));
  // Whoever is asked knows how things stand; what happened, whoever has seen it happen.
  const value = (series: string) => values(series)[0];
  const total = (series: string) => values(series).reduce((sum, one) => sum + one, 0);
  assert.equal(value('orders{status="pending"}'), 1);
  assert.equal(value('orders{status="paid"}'), 1);
  assert.equal(value('orders{status="cancelled"}'), 1);
  assert.equal(value('orders_value{status="paid",currency="EUR"}'), 2_000);
  assert.equal(total('order_value_total{outcome="placed",currency="EUR"}'), 6_000);
  assert.equal(total('order_value_total{outcome="paid",currency="EUR"}'), 3_000);
  assert.equal(total('order_value_total{outcome="refunded",currency="EUR"}'), 1_000);
});
