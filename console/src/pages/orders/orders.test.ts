import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OrderFacts, ParleyError, type Product } from '@parley/sdk';
import { type Draft, EMPTY, inputOf, placeOf, problems, shortOf, sumOf, withProduct } from './form.ts';
import { isKnown, linesInWords, path, stepsOf } from './words.ts';

const product = (id: string, amount: number, more: object = {}): Product =>
  ({ id, name: id, stock: 5, price: { amount, currency: 'EUR' }, ...more }) as unknown as Product;
const draft = (more: Partial<Draft> = {}): Draft => ({
  ...EMPTY,
  lines: withProduct([], product('tea', 990)),
  ...more,
});

test('an order as put together says what the server would refuse', () => {
  const refused = (more: Partial<Draft>): string[] => Object.keys(problems(draft(more)));
  assert.deepEqual(refused({}), []);
  assert.deepEqual(refused({ lines: [] }), ['lines']);
  for (const quantity of ['0', '', '6', '1001', 'x'])
    assert.deepEqual(refused({ lines: [{ product: product('tea', 990), quantity }] }), ['lines.0'], quantity);
  const yen = product('bento', 2_400, { price: { amount: 2_400, currency: 'JPY' } });
  assert.deepEqual(refused({ lines: withProduct(draft().lines, yen) }), ['lines.1']);
  assert.deepEqual(refused({ email: 'ada@example.org' }), ['name']);
  assert.deepEqual(refused({ name: 'Ada', email: 'ada' }), ['email']);
});

test('the same product twice is one line with two pieces, and the sum is told where it is known', () => {
  const lines = withProduct(withProduct(draft().lines, product('tea', 990)), product('pot', 8_900));
  assert.deepEqual(
    lines.map(({ product: { id }, quantity }) => [id, quantity]),
    [
      ['tea', '2'],
      ['pot', '1'],
    ],
  );
  assert.equal(sumOf(lines), '€108.80');
  assert.equal(sumOf([{ product: product('tea', 990), quantity: 'x' }]), undefined);
  assert.deepEqual(inputOf({ ...EMPTY, lines, name: ' Ada ', email: 'ada@example.org' }), {
    lines: [
      { product_id: 'tea', quantity: 2 },
      { product_id: 'pot', quantity: 1 },
    ],
    customer: { name: 'Ada', email: 'ada@example.org' },
  });
  assert.deepEqual(['lines.1.quantity', 'lines', 'customer.email', 'customer'].map(placeOf), [
    ...['lines.1', 'lines', 'email', 'name'],
  ]);
});

test('what the server had less of is told by product', () => {
  const details = { lines: [{ product_id: 'tea', available: 1 }] };
  const error = new ParleyError({ code: 'out_of_stock', type: 'conflict', status: 409, message: '', details });
  assert.deepEqual([...shortOf(error)], [['tea', 1]]);
  assert.equal(shortOf(new Error('no')).size, 0);
});

const facts = (more: Partial<OrderFacts>): OrderFacts =>
  ({
    ...{ status: 'pending', status_reason: null, total: { amount: 990, currency: 'EUR' }, tracking: null },
    ...{ created_at: '2026-11-21T12:00:00Z', updated_at: '2026-11-21T12:00:09Z', paid_at: null, fulfilled_at: null },
    ...{ cancelled_at: null, ...more },
  }) as OrderFacts;
const event = (type: string, second: number, data: object): never =>
  ({ id: `${type}${second}`, type, time: `2026-11-21T12:00:0${second}Z`, cursor: 'c', data }) as never;

test('the steps of an order are what its events say, each once, and a type nobody knows says nothing', () => {
  const events = [
    event('order_created', 0, { lines: [{ quantity: 2 }] }),
    event('order_payment_failed', 1, { reason: 'card_declined' }),
    event('order_paid', 2, { amount: 990, currency: 'EUR', provider: 'rehearsal', reference: 'r' }),
    event('order_paid', 2, { amount: 990, currency: 'EUR', provider: 'rehearsal', reference: 'r' }),
    event('order_cancelled', 3, { reason: null, refund: true, lines: [] }),
    event('order_refunded', 4, { reference: 're_1' }),
  ];
  assert.deepEqual(
    stepsOf(facts({ status: 'cancelled', paid_at: '2026-11-21T12:00:02Z' }), events).map(({ words, detail }) => [
      words,
      detail,
    ]),
    [
      ['Placed', '2 pieces held for it'],
      ['Payment refused', 'card declined'],
      ['Paid', '€9.90, rehearsed: no money moved'],
      ['Cancelled', 'the money goes back'],
      ['Money given back', 're_1'],
    ],
  );
  assert.deepEqual([isKnown({ type: 'order_paid' }), isKnown({ type: 'order_shredded' })], [true, false]);
});

test('what the log has not kept is told from the order itself', () => {
  const told = (more: Partial<OrderFacts>): string[] => stepsOf(facts(more), []).map(({ words }) => words);
  const paid_at = '2026-11-21T12:00:02Z';
  assert.deepEqual(told({}), ['Placed']);
  assert.deepEqual(told({ status: 'fulfilled', paid_at, fulfilled_at: '2026-11-21T12:00:05Z' }), [
    ...['Placed', 'Paid', 'Fulfilled'],
  ]);
  assert.deepEqual(told({ status: 'cancelled', cancelled_at: '2026-11-21T12:00:04Z' }), ['Placed', 'Cancelled']);
  assert.deepEqual(told({ status: 'expired' }), ['Placed', 'Expired']);
});

test('where an order stands is one of three stations', () => {
  const states = (more: Partial<OrderFacts>): string =>
    path(facts(more))
      .map(({ state }) => state)
      .join(' ');
  const paid_at = '2026-11-21T12:00:02Z';
  assert.equal(states({}), 'done now todo');
  assert.equal(states({ status: 'paid', paid_at }), 'done done now');
  assert.equal(states({ status: 'fulfilled', paid_at, fulfilled_at: paid_at }), 'done done done');
  assert.equal(states({ status: 'expired' }), 'done off off');
  assert.equal(states({ status: 'cancelled', paid_at }), 'done done off');
});

test('lines are said in words, the first two by name', () => {
  const lines = ['Assam', 'Sencha', 'Pot'].map((name, i) => ({ name, quantity: i + 1 })) as never;
  assert.equal(linesInWords(lines), '1 × Assam, 2 × Sencha and 1 more');
});
