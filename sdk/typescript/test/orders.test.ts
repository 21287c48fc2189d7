import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OrderEvent, Parley } from '../src/index.ts';
import { cut, error, json, logged, scripted, sse } from './server.ts';

test('an order is repeated under its key, also while the first request still runs', async (t) => {
  const running = error(409, 'idempotency_in_progress', { type: 'conflict' });
  const { baseUrl, seen } = await scripted(t, [cut, running, json(201, { id: 'o' })]);
  const parley = new Parley({ baseUrl, apiKey: 'k' });
  const order = await parley.orders.create({ lines: [{ product_id: 'p', quantity: 2 }] }, { idempotencyKey: 'mine' });
  assert.equal(order.id, 'o');
  assert.deepEqual(
    seen.map(({ headers, body }) => [headers['idempotency-key'], JSON.parse(body)]),
    Array(3).fill(['mine', { lines: [{ product_id: 'p', quantity: 2 }] }]),
  );
});

test('what is out of stock is told with its lines, and not repeated', async (t) => {
  const lines = [{ line: 0, product_id: 'p', requested: 2, available: 1 }];
  const { baseUrl, seen } = await scripted(t, [error(409, 'out_of_stock', { type: 'conflict', details: { lines } })]);
  const parley = new Parley({ baseUrl, apiKey: 'k' });
  await assert.rejects(parley.orders.create({ lines: [{ product_id: 'p', quantity: 2 }] }), {
    name: 'ConflictError',
    code: 'out_of_stock',
    details: { lines },
  });
  assert.equal(seen.length, 1);
});

test("an order's events go on after the last one that was seen", async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    sse(['retry: 10\n\n', logged(4, 'order_created', { status: 'pending' })], 'cut'),
    sse([logged(4, 'order_created', { status: 'pending' }), logged(5, 'order_paid', { status: 'paid' })], 'hang'),
  ]);
  const events: OrderEvent[] = [];
  for await (const event of new Parley({ baseUrl, apiKey: 'k' }).orders.events('o', { cursor: 'e1.3' })) {
    events.push(event);
    if (event.type === 'order_paid') break;
  }
  assert.deepEqual(
    seen.map(({ headers }) => headers['last-event-id']),
    ['e1.3', 'e1.4'],
  );
  assert.deepEqual(
    events.map(({ type, cursor, data }) => [type, cursor, (data as { status: string }).status]),
    [
      ['order_created', 'e1.4', 'pending'],
      ['order_paid', 'e1.5', 'paid'],
    ],
  );
});

test('a product is changed with the version that was read, or without', async (t) => {
  const { baseUrl, seen } = await scripted(t, [json(200, { id: 'p' }), json(200, { id: 'p' })]);
  const parley = new Parley({ baseUrl, apiKey: 'k' });
  await parley.products.update('p', { name: 'x' }, { version: 3 });
  await parley.products.update('p', { stock_change: 1 });
  assert.deepEqual(
    seen.map(({ headers }) => headers['if-match']),
    ['"3"', undefined],
  );
});
