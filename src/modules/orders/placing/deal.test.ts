import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dealOut, type Shelf } from './deal.ts';

const shelf = (product_id: string, stock: number, more: Partial<Shelf> = {}): Shelf => ({
  ...{ product_id, sku: null, name: product_id.toUpperCase(), amount: 100, currency: 'EUR', stock, revision: 7 },
  ...{ sold: true, ...more },
});
const lines = (wanted: Readonly<Record<string, number>>) =>
  Object.entries(wanted).map(([product_id, quantity]) => ({ product_id, quantity }));

test('those who come first are served first, each whole or not at all', () => {
  const { deals, taken } = dealOut(
    [lines({ a: 2 }), lines({ b: 1, a: 2 }), lines({ a: 1, b: 1 })],
    [shelf('a', 3), shelf('b', 1, { amount: 50 })],
  );
  assert.deepEqual(deals, [
    {
      ...{ placed: true, total: 200, currency: 'EUR' },
      lines: [{ product_id: 'a', quantity: 2, sku: null, name: 'A', amount: 100, revision: 8 }],
    },
    {
      placed: false,
      refusal: { why: 'short', lines: [{ product_id: 'a', quantity: 2, line: 1, name: 'A', available: 1 }] },
    },
    {
      ...{ placed: true, total: 150, currency: 'EUR' },
      lines: [
        { product_id: 'a', quantity: 1, sku: null, name: 'A', amount: 100, revision: 9 },
        { product_id: 'b', quantity: 1, sku: null, name: 'B', amount: 50, revision: 8 },
      ],
    },
  ]);
  assert.deepEqual(taken, [
    { product_id: 'a', quantity: 3, orders: 2 },
    { product_id: 'b', quantity: 1, orders: 1 },
  ]);
});

test('what cannot be ordered together says why, and takes nothing', () => {
  const shelves = [
    shelf('a', 9),
    shelf('old', 9, { sold: false }),
    shelf('yen', 9, { currency: 'JPY' }),
    shelf('dear', 9_999, { amount: Number.MAX_SAFE_INTEGER - 1 }),
  ];
  const refusal = (asked: ReturnType<typeof lines>) => {
    const { deals, taken } = dealOut([asked], shelves);
    assert.deepEqual(taken, []);
    const [deal] = deals;
    return deal?.placed === false ? deal.refusal : undefined;
  };
  assert.deepEqual(refusal([...lines({ a: 1, yen: 1 }), ...lines({ a: 2 })]), { why: 'repeated', line: 2, first: 0 });
  assert.deepEqual(refusal(lines({ a: 1, none: 1, old: 1 })), { why: 'unsold', lines: [1, 2] });
  assert.deepEqual(refusal(lines({ a: 1, yen: 1 })), { why: 'currencies', lines: [1], currency: 'EUR' });
  assert.deepEqual(refusal(lines({ dear: 2 })), { why: 'too_much' });
});

const ids = ['a', 'b', 'c', 'd'];
const orders = fc.array(
  fc.dictionary(fc.constantFrom(...ids), fc.integer({ min: 1, max: 4 }), { minKeys: 1, maxKeys: 4 }).map(lines),
  { maxLength: 30 },
);
const stocks = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 3, maxLength: 3 });

test('together is as one after the other, and nothing is sold that is not there', () => {
  fc.assert(
    fc.property(orders, stocks, (asked, some) => {
      // The fourth product does not exist.
      const shelves = some.map((stock, n) => shelf(ids[n] as string, stock));
      const { deals, taken } = dealOut(asked, shelves);
      // The model: each by itself, on what the one before it has left.
      const now = new Map(shelves.map((one) => [one.product_id, one]));
      for (const [n, wanted] of asked.entries()) {
        const alone = dealOut([wanted], [...now.values()]);
        assert.deepEqual(deals[n], alone.deals[0]);
        for (const { product_id, quantity, orders } of alone.taken) {
          const before = now.get(product_id) as Shelf;
          assert.ok(before.stock >= quantity, 'never more than there is');
          now.set(product_id, { ...before, stock: before.stock - quantity, revision: before.revision + orders });
        }
      }
      const left = shelves.map((one) => {
        const { quantity = 0, orders = 0 } = taken.find(({ product_id }) => product_id === one.product_id) ?? {};
        return { ...one, stock: one.stock - quantity, revision: one.revision + orders };
      });
      assert.deepEqual(left, [...now.values()]);
    }),
    { numRuns: 500 },
  );
});
