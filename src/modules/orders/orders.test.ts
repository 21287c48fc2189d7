import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { order, placed, stocked, stockOf } from '../../../test/support/orders.ts';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';

let world: World;
let me: Member;
before(async () => {
  world = await createWorld();
  me = await world.signUp();
});
after(() => world.stop());

test('an order is placed with the prices of that moment, and holds its pieces', async () => {
  const tea = await stocked(me, 10, { name: 'Assam', sku: 'ASS' });
  const pot = await stocked(me, 3, { name: 'Pot', price: { amount: 4_999, currency: 'EUR' } });
  const customer = { name: 'Ada', email: 'Ada@example.com', reference: 'C-7' };
  const made = await order(me, { [tea.id]: 3, [pot.id]: 1 }, { customer, metadata: { channel: 'shop' } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { body } = made;
  assert.match(body.number, /^\d{6}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
  assert.deepEqual(body.lines, [
    {
      ...{ product_id: tea.id, sku: 'ASS', name: 'Assam', quantity: 3 },
      ...{ unit_price: { amount: 1_000, currency: 'EUR' }, total: { amount: 3_000, currency: 'EUR' } },
    },
    {
      ...{ product_id: pot.id, sku: null, name: 'Pot', quantity: 1 },
      ...{ unit_price: { amount: 4_999, currency: 'EUR' }, total: { amount: 4_999, currency: 'EUR' } },
    },
  ]);
  assert.deepEqual([body.status, body.total], ['pending', { amount: 7_999, currency: 'EUR' }]);
  assert.deepEqual([body.customer, body.metadata], [customer, { channel: 'shop' }]);
  assert.deepEqual(body.payment, { status: 'none', provider: null, reference: null, attempts: 0, error: null });
  assert.equal(Date.parse(body.expires_at) - Date.parse(body.created_at), 15 * 60_000);
  assert.deepEqual(body.created_by, { kind: 'user', id: me.userId });
  assert.deepEqual(await stockOf(me, tea.id), [7, 3]);

  await me.patch(`/products/${tea.id}`, { name: 'Renamed', price: { amount: 9, currency: 'EUR' } });
  await world.settle();
  const paid = (await me.get(`/orders/${body.id}`)).body;
  assert.deepEqual([paid.status, paid.payment.status, paid.payment.provider], ['paid', 'succeeded', 'rehearsal']);
  assert.deepEqual([paid.payment.attempts, paid.expires_at, typeof paid.paid_at], [1, null, 'string']);
  assert.deepEqual(paid.lines, body.lines, 'what was agreed stands');
  assert.deepEqual(await stockOf(me, tea.id), [7, 3], 'paid, and still here');

  const done = await me.post(`/orders/${body.id}/fulfil`, { tracking: 'DX-1' });
  assert.deepEqual([done.status, done.body.status, done.body.tracking], [200, 'fulfilled', 'DX-1']);
  assert.deepEqual(await stockOf(me, tea.id), [7, 0]);
});

test('what cannot be ordered together is refused, and names its lines', async () => {
  const tea = await stocked(me, 10);
  const gone = await stocked(me, 10);
  await me.delete(`/products/${gone.id}`);
  const yen = await stocked(me, 10, { price: { amount: 900, currency: 'JPY' } });
  const other = await world.signUp();
  const theirs = await stocked(other, 10);
  const unknown = '01920000-0000-7000-8000-000000000000';
  for (const [lines, field, rule] of [
    [{ [tea.id]: 1, [unknown]: 1 }, 'lines.1.product_id', 'exists'],
    [{ [gone.id]: 1 }, 'lines.0.product_id', 'exists'],
    [{ [tea.id]: 1, [theirs.id]: 1 }, 'lines.1.product_id', 'exists'],
    [{ [tea.id]: 1, [yen.id]: 1 }, 'lines.1.product_id', 'currency'],
    [{ [tea.id]: 0 }, 'lines.0.quantity', 'minimum'],
    [{ [tea.id]: 1_001 }, 'lines.0.quantity', 'maximum'],
    [{}, 'lines', 'minItems'],
  ] as const) {
    const { status, body } = await order(me, lines);
    assert.equal(status, 422, JSON.stringify(body));
    const [fault] = body.error.details.fields;
    assert.deepEqual([fault.field, fault.rule], [field, rule], JSON.stringify(body));
  }
  const lines = [1, 2].map((quantity) => ({ product_id: tea.id, quantity }));
  const twice = await me.post('/orders', { lines }, { headers: { 'idempotency-key': 'twice' } });
  assert.deepEqual([twice.status, twice.body.error.details.fields[0].rule], [422, 'unique']);
  const bad = await order(me, { [tea.id]: 1 }, { customer: { name: 'x', email: 'nobody' } });
  assert.equal(bad.body.error.details.fields[0].field, 'customer.email');
  assert.deepEqual(await stockOf(me, tea.id), [10, 0], 'nothing was held for any of them');
});

test('a total is exact as long as it can be, and refused beyond', async () => {
  const price = { amount: 1_000_000_000_000, currency: 'EUR' };
  const dear = await Promise.all(Array.from({ length: 10 }, () => stocked(me, 1_000, { price })));
  const all = Object.fromEntries(dear.map(({ id }) => [id, 1_000]));
  const much = await order(me, all);
  assert.deepEqual([much.status, much.body.error.details.fields[0].field], [422, 'lines']);
  const some = await placed(me, Object.fromEntries(Object.entries(all).slice(0, 9)));
  assert.equal(some.total.amount, 9_000_000_000_000_000);
});

test('where there is not enough, nothing is held, and the answer says of what', async () => {
  const much = await stocked(me, 100);
  const little = await stocked(me, 2, { name: 'Little' });
  const { status, body } = await order(me, { [much.id]: 5, [little.id]: 3 });
  assert.deepEqual([status, body.error.code], [409, 'out_of_stock']);
  assert.deepEqual(body.error.details.lines, [
    { line: 1, product_id: little.id, name: 'Little', requested: 3, available: 2 },
  ]);
  assert.deepEqual(await stockOf(me, much.id), [100, 0]);
  // A refusal is not kept: with the same key, the same order may come through later.
  const key = randomUUID();
  assert.equal((await order(me, { [little.id]: 3 }, { key })).status, 409);
  await me.patch(`/products/${little.id}`, { stock_change: 1 });
  assert.equal((await order(me, { [little.id]: 3 }, { key })).status, 201);
});

test('an order needs a key, and with it happens once', async () => {
  const tea = await stocked(me, 10);
  const body = { lines: [{ product_id: tea.id, quantity: 1 }] };
  const without = await me.post('/orders', body);
  assert.deepEqual([without.status, without.body.error.code], [400, 'idempotency_key_required']);
  const key = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (;;) {
        const answer = await me.open('POST', '/orders', body, { headers: { 'idempotency-key': key } });
        const text = await answer.text();
        if (answer.status !== 409) return { status: answer.status, text };
        assert.equal(JSON.parse(text).error.code, 'idempotency_in_progress');
      }
    }),
  );
  assert.ok(
    answers.every(({ status, text }) => status === 201 && text === answers[0]?.text),
    'the same bytes for all',
  );
  assert.deepEqual(await stockOf(me, tea.id), [9, 1]);
  const other = await me.post(
    '/orders',
    { lines: [{ product_id: tea.id, quantity: 2 }] },
    { headers: { 'idempotency-key': key } },
  );
  assert.deepEqual([other.status, other.body.error.code], [422, 'idempotency_mismatch']);
});

test('of a hundred orders at once for ten pieces, ten are placed', async () => {
  const tea = await stocked(me, 10);
  const answers = await Promise.all(Array.from({ length: 100 }, () => order(me, { [tea.id]: 1 })));
  const count = (status: number) => answers.filter((answer) => answer.status === status).length;
  assert.deepEqual([count(201), count(409)], [10, 90]);
  assert.deepEqual(await stockOf(me, tea.id), [0, 10]);
});

test('orders of the same products in any order of lines do not wait for each other in a circle', async () => {
  const many = await Promise.all(Array.from({ length: 5 }, () => stocked(me, 100)));
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => {
      const turned = [...many.slice(n % 5), ...many.slice(0, n % 5)];
      return order(me, Object.fromEntries(turned.map(({ id }) => [id, 1])));
    }),
  );
  assert.ok(answers.every(({ status }) => status === 201));
  for (const { id } of many) assert.deepEqual(await stockOf(me, id), [60, 40]);
});

test('the list is the newest first, filtered and paged', async () => {
  const shop = await world.signUp();
  const [tea, pot] = [await stocked(shop, 100), await stocked(shop, 100)];
  const customer = { name: 'Ada', email: 'ADA@Example.com', reference: 'K-1' };
  const one = await placed(shop, { [tea.id]: 1 }, { customer });
  const two = await placed(shop, { [pot.id]: 1, [tea.id]: 1 });
  const three = await placed(shop, { [pot.id]: 2 }, { customer: { name: 'Bo', email: 'bo@example.com' } });
  await world.settle();
  await shop.post(`/orders/${two.id}/cancel`);
  await world.settle();
  const ids = async (query: string) =>
    (await shop.get(`/orders?${query}`)).body.items.map(({ id }: { id: string }) => id);
  assert.deepEqual(await ids(''), [three.id, two.id, one.id]);
  assert.deepEqual(await ids('status=paid'), [three.id, one.id]);
  assert.deepEqual(await ids('status=cancelled'), [two.id]);
  assert.deepEqual(await ids('customer=ada@example.com'), [one.id]);
  assert.deepEqual(await ids('customer=k-1'), [one.id]);
  assert.deepEqual(await ids(`product_id=${pot.id}`), [three.id, two.id]);
  assert.deepEqual(await ids(`product_id=${pot.id}&status=paid`), [three.id]);
  assert.deepEqual(await ids(`from=${two.created_at}&to=${three.created_at}`), [two.id]);
  assert.deepEqual(await ids('to=2020-01-01T00:00:00Z'), []);
  assert.equal((await shop.get('/orders?from=1969-01-01T00:00:00Z')).status, 422);
  assert.equal((await shop.get('/orders?from=9999-12-31T23:59:59Z')).status, 200);
  const first = (await shop.get('/orders?limit=2')).body;
  const second = (await shop.get(`/orders?limit=2&cursor=${first.next_cursor}`)).body;
  assert.deepEqual([first.items.length, second.items.map(({ id }: { id: string }) => id)], [2, [one.id]]);
  assert.equal(second.next_cursor, null);
  assert.equal((await shop.get(`/orders?status=paid&cursor=${first.next_cursor}`)).body.error.code, 'invalid_cursor');
});

test('its events tell its life, live and from the cursor that it was placed at', async () => {
  const tea = await stocked(me, 10);
  const made = await placed(me, { [tea.id]: 2 });
  const leave = new AbortController();
  const stream = await me.open('GET', `/orders/${made.id}/events?cursor=${made.cursor}`, undefined, {
    signal: leave.signal,
  });
  assert.equal(stream.status, 200);
  await world.settle();
  assert.equal((await me.post(`/orders/${made.id}/cancel`, { reason: 'a mistake' })).status, 200);
  const seen: { type: string; data: Record<string, unknown> }[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of stream.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(piece, { stream: true });
    seen.length = 0;
    for (const line of text.split('\n'))
      if (line.startsWith('data: ') && line.endsWith('}')) seen.push(JSON.parse(line.slice(6)));
    if (seen.some(({ type }) => type === 'order_refunded')) break;
  }
  leave.abort();
  assert.deepEqual(
    seen.map(({ type, data }) => [type, data.status]),
    [
      ['order_created', 'pending'],
      ['order_paid', 'paid'],
      ['order_cancelled', 'cancelled'],
      ['order_refunded', 'cancelled'],
    ],
  );
  const [created, paid, cancelled] = seen.map(({ data }) => data);
  assert.deepEqual([created?.amount, paid?.provider], [2_000, 'rehearsal']);
  assert.deepEqual([cancelled?.reason, cancelled?.refund], ['a mistake', true]);
  assert.doesNotMatch(text, /customer/, 'nobody is named in the log');
  const after = (await me.get(`/orders/${made.id}`)).body;
  assert.deepEqual([after.status, after.status_reason, after.payment.status], ['cancelled', 'a mistake', 'refunded']);
  assert.deepEqual(await stockOf(me, tea.id), [10, 0]);
});

test('what an order did to the stock is what the product says at once', async () => {
  const tea = await stocked(me, 5);
  const read = async () => (await me.get(`/products/${tea.id}`)).body;
  assert.equal((await read()).stock, 5);
  const made = await placed(me, { [tea.id]: 2 });
  await world.settle();
  assert.deepEqual([(await read()).stock, (await read()).reserved, (await read()).version], [3, 2, 1]);
  await me.post(`/orders/${made.id}/cancel`);
  await world.settle();
  assert.deepEqual([(await read()).stock, (await read()).reserved], [5, 0]);
});

test('a decision is taken once, and what is over stays over', async () => {
  const tea = await stocked(me, 10);
  const { id } = await placed(me, { [tea.id]: 1 });
  await world.settle();
  const done = await me.post(`/orders/${id}/fulfil`);
  const again = await me.post(`/orders/${id}/fulfil`, { tracking: 'too late' });
  assert.deepEqual([again.status, again.body.version, again.body.tracking], [200, done.body.version, null]);
  const cancelled = await me.post(`/orders/${id}/cancel`);
  assert.deepEqual([cancelled.status, cancelled.body.error.details], [409, { status: 'fulfilled' }]);
  assert.equal((await me.post(`/orders/${id}/pay`)).body.status, 'fulfilled');

  const other = await placed(me, { [tea.id]: 1 });
  const both = await Promise.all([1, 2, 3].map(() => me.post(`/orders/${other.id}/cancel`)));
  assert.ok(both.every(({ status, body }) => status === 200 && body.status === 'cancelled'));
  assert.equal((await me.post(`/orders/${other.id}/fulfil`)).status, 409);
  assert.equal((await me.post(`/orders/${other.id}/pay`)).status, 409);
  await world.settle();
  assert.deepEqual(await stockOf(me, tea.id), [9, 0]);
});

test('another tenant finds nothing of it, and roles do what they may', async () => {
  const tea = await stocked(me, 10);
  const { id } = await placed(me, { [tea.id]: 1 });
  await world.settle();
  const other = await world.signUp();
  for (const path of [`/orders/${id}`, `/orders/${id}/events`]) assert.equal((await other.get(path)).status, 404);
  for (const verb of ['cancel', 'fulfil', 'pay']) assert.equal((await other.post(`/orders/${id}/${verb}`)).status, 404);
  assert.deepEqual((await other.get('/orders')).body.items, []);
  const viewer = await world.apiKey(me, ['viewer']);
  assert.equal((await viewer.get(`/orders/${id}`)).status, 200);
  assert.equal((await order(viewer, { [tea.id]: 1 })).status, 403);
  assert.equal((await viewer.post(`/orders/${id}/fulfil`)).status, 403);
  const operator = await world.apiKey(me, ['operator']);
  assert.equal((await operator.post(`/orders/${id}/fulfil`)).status, 200);
});

test('with its tenant everything of the shop goes', async () => {
  const shop = await world.signUp();
  const tea = await stocked(shop, 10);
  await placed(shop, { [tea.id]: 1 });
  await world.settle();
  const { tenantId } = shop;
  await world.db.inSystemTx((tx) => tx.run(sql`delete from tenants where id = ${tenantId}`));
  for (const table of ['orders', 'order_lines', 'products', 'product_stock', 'idempotent_answers']) {
    const found = await world.db.system.all(sql`select from ${sql.id(table)} where tenant_id = ${tenantId}`);
    assert.equal(found.length, 0, table);
  }
});
