import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { order, stocked, stockOf } from '../../../../test/support/orders.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.stop());

const STOCK = [14, 6, 2];
const post = fc.record({
  // Few keys: most are used by several posts, some of them for another order.
  key: fc.integer({ min: 1, max: 14 }),
  wants: fc
    .array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 })
    .filter((wants) => wants.some(Boolean)),
});

type Told = { readonly status: number; readonly text: string };

test('orders that arrive together: nothing oversold, one order a key, the same bytes, nobody refused for another', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(post, { minLength: 10, maxLength: 40 }), async (posts) => {
      const shop = await world.signUp();
      const products = await Promise.all(STOCK.map((stock) => stocked(shop, stock)));
      const asked = posts.map(({ key, wants }) => ({
        key: `key-${key}`,
        lines: wants.flatMap((quantity, n) => (quantity > 0 ? [{ product_id: products[n]?.id ?? '', quantity }] : [])),
      }));
      const told = await Promise.all(asked.map((one) => untilDone(shop, one)));
      const { items: orders } = (await shop.get('/orders?limit=100')).body;
      const placed = new Map<string, { text: string; lines: string }>();
      for (const [n, { status, text }] of told.entries()) {
        const { key, lines } = asked[n] as (typeof asked)[number];
        if (status !== 201) continue;
        const known = placed.get(key);
        placed.set(key, { text, lines: JSON.stringify(lines) });
        if (known) assert.deepEqual(known, placed.get(key), 'one order a key, the same bytes for all');
      }
      assert.deepEqual(
        orders.map(({ id }: { id: string }) => id).sort(),
        [...placed.values()].map(({ text }) => JSON.parse(text).id).sort(),
      );
      const left = await Promise.all(products.map(({ id }) => stockOf(shop, id)));
      for (const [n, { status, text }] of told.entries()) {
        const { key, lines } = asked[n] as (typeof asked)[number];
        if (status === 201) continue;
        const { code, details } = JSON.parse(text).error;
        if (code === 'idempotency_mismatch') assert.notEqual(placed.get(key)?.lines, JSON.stringify(lines));
        else {
          assert.equal(code, 'out_of_stock', text);
          for (const { available, requested } of details.lines) assert.ok(available < requested, text);
          // Pieces only ever went: who was refused could not be served now either.
          const short = lines.some(({ product_id, quantity }) => {
            const at = products.findIndex(({ id }) => id === product_id);
            return (left[at]?.[0] as number) < quantity;
          });
          assert.ok(short, text);
        }
      }
      await assertBooks(shop, { products, left, orders });
    }),
    { numRuns: 3 },
  );
});

/** Posts until the key's first request is done, as clients do. */
async function untilDone(shop: Member, { key, lines }: { key: string; lines: object[] }): Promise<Told> {
  for (;;) {
    const answer = await shop.open('POST', '/orders', { lines }, { headers: { 'idempotency-key': key } });
    const text = await answer.text();
    if (!text.includes('idempotency_in_progress')) return { status: answer.status, text };
  }
}

type Books = {
  readonly products: readonly { id: string }[];
  readonly left: readonly [stock: number, reserved: number][];
  readonly orders: readonly { id: string; lines: { product_id: string; quantity: number }[] }[];
};

/** Stock, orders and the log tell the same; a product's revisions have no hole. */
async function assertBooks(shop: Member, { products, left, orders }: Books): Promise<void> {
  await world.settle();
  const { items } = (await shop.get('/events?type=order_created&limit=100')).body;
  const told = items.filter(({ type }: { type: string }) => type === 'order_created');
  assert.equal(told.length, orders.length);
  for (const [n, { id }] of products.entries()) {
    const of = (lines: Books['orders'][number]['lines']) => lines.filter(({ product_id }) => product_id === id);
    const sold = orders.flatMap(({ lines }) => of(lines)).reduce((sum, { quantity }) => sum + quantity, 0);
    assert.deepEqual(left[n], [(STOCK[n] as number) - sold, sold]);
    const revisions = told.flatMap(({ data }: { data: { lines: { product_id: string; revision: number }[] } }) =>
      data.lines.filter(({ product_id }) => product_id === id).map(({ revision }) => revision),
    );
    const sorted = revisions.toSorted((a: number, b: number) => a - b);
    assert.deepEqual(
      sorted,
      sorted.map((_: number, at: number) => sorted[0] + at),
    );
  }
}

test('together or not, each order is its own caller’s: who placed it, and the trace that it is followed by', async () => {
  const shop = await world.signUp();
  const { id } = await stocked(shop, 100);
  const helper = await world.apiKey(shop);
  const traces = Array.from({ length: 12 }, (_, n) => `0af7651916cd43dd8448eb211c8031${(16 + n).toString(16)}`);
  const made = await Promise.all(
    traces.map(async (trace, n) => {
      const headers = { 'idempotency-key': `traced-${n}`, traceparent: `00-${trace}-b7ad6b7169203331-01` };
      const lines = [{ product_id: id, quantity: 1 }];
      const { status, body } = await (n % 2 === 0 ? shop : helper).post('/orders', { lines }, { headers });
      assert.equal(status, 201);
      return body as { id: string; created_by: { kind: string } };
    }),
  );
  await world.settle();
  for (const [n, { id, created_by }] of made.entries()) {
    assert.equal(created_by.kind, n % 2 === 0 ? 'user' : 'api_key');
    const { items } = (await shop.get(`/events?stream=orders/${id}`)).body;
    const created = items.find(({ type }: { type: string }) => type === 'order_created');
    assert.equal(created.traceparent.split('-')[1], traces[n]);
    assert.deepEqual(created.data.by, created_by);
  }
});

test('one that is refused, and one that is not, are no matter to one another', async () => {
  const shop = await world.signUp();
  const [tea, pot] = [await stocked(shop, 3), await stocked(shop, 3, { price: { amount: 1, currency: 'JPY' } })];
  const unknown = '01920000-0000-7000-8000-000000000000';
  const asked = [{ [tea.id]: 2 }, { [tea.id]: 2 }, { [unknown]: 1 }, { [tea.id]: 1, [pot.id]: 1 }, { [pot.id]: 3 }];
  const answers = await Promise.all(asked.map((wanted) => order(shop, wanted)));
  const outcomes = answers.map(({ status, body }) => (status === 201 ? 'placed' : body.error.code));
  // Which of two comes first is anybody's guess.
  assert.deepEqual(outcomes.slice(0, 2).sort(), ['out_of_stock', 'placed']);
  assert.deepEqual(outcomes.slice(2), ['validation_failed', 'validation_failed', 'placed']);
  assert.deepEqual(
    [await stockOf(shop, tea.id), await stockOf(shop, pot.id)],
    [
      [1, 2],
      [0, 3],
    ],
  );
});
