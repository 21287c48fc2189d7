import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { timeOf, uuidv7 } from '../../lib/ids.ts';
import {
  after,
  firstIdAt,
  isTerminal,
  lookAgainMs,
  MOVES,
  type Move,
  meaningOf,
  numberOf,
  PAYMENT_STATUSES,
  type PaymentStatus,
  paymentAfterCancel,
  paymentKey,
  refundKey,
  STATUSES,
  STOCK,
  type Status,
  type Step,
  stepOf,
  type Verdict,
} from './rules.ts';

test('every pair of status and move leads where the table says, or nowhere', () => {
  const expected: Record<Status, Record<Move, Status | undefined>> = {
    pending: { pay: 'paid', fail: 'pending', cancel: 'cancelled', expire: 'expired', fulfil: undefined },
    paid: { pay: undefined, fail: undefined, cancel: 'cancelled', expire: undefined, fulfil: 'fulfilled' },
    fulfilled: { pay: undefined, fail: undefined, cancel: undefined, expire: undefined, fulfil: undefined },
    cancelled: { pay: undefined, fail: undefined, cancel: undefined, expire: undefined, fulfil: undefined },
    expired: { pay: undefined, fail: undefined, cancel: undefined, expire: undefined, fulfil: undefined },
  };
  for (const status of STATUSES)
    for (const move of MOVES) assert.equal(after(status, move), expected[status][move], `${status} ${move}`);
  assert.deepEqual(STATUSES.filter(isTerminal), ['fulfilled', 'cancelled', 'expired']);
});

test('for every status of an order and its payment there is one next step', () => {
  const steps = (total: number, payment_reference: string | null) =>
    Object.fromEntries(
      STATUSES.map((status) => [
        status,
        PAYMENT_STATUSES.map((payment_status) => stepOf({ status, total, payment_status, payment_reference })),
      ]),
    );
  // In the order of PAYMENT_STATUSES: none, pending, succeeded, failed, refunding, refunded.
  const closed: Step[] = ['done', 'void', 'done', 'done', 'refund', 'done'];
  const common = { paid: closed, fulfilled: closed, cancelled: closed, expired: closed };
  assert.deepEqual(steps(100, null), { pending: ['ask', 'ask', 'done', 'done', 'refund', 'done'], ...common });
  assert.deepEqual(steps(100, 'p1'), { pending: ['ask', 'look', 'done', 'done', 'refund', 'done'], ...common });
  assert.deepEqual(steps(0, null).pending, ['free', 'free', 'free', 'free', 'refund', 'free']);
});

test('what the service says moves an open order, and gives the money of a closed one back', () => {
  const table: [Status, Verdict, object][] = [
    ['pending', 'succeeded', { payment: 'succeeded', move: 'pay' }],
    ['pending', 'failed', { payment: 'failed', move: 'fail' }],
    ['pending', 'voided', { payment: 'failed', move: 'fail' }],
    ['pending', 'pending', { payment: 'pending' }],
    ['cancelled', 'succeeded', { payment: 'refunding' }],
    ['expired', 'succeeded', { payment: 'refunding' }],
    ['expired', 'voided', { payment: 'none' }],
    ['cancelled', 'failed', { payment: 'failed' }],
    ['cancelled', 'pending', { payment: 'pending' }],
  ];
  for (const [status, verdict, meaning] of table)
    assert.deepEqual(meaningOf(status, verdict), meaning, `${status} ${verdict}`);
  assert.deepEqual(PAYMENT_STATUSES.map(paymentAfterCancel), [
    'none',
    'pending',
    'refunding',
    'failed',
    'refunding',
    'refunded',
  ]);
});

/** An order, its product and the outside service, as the rules alone would have them. */
type Model = {
  status: Status;
  payment: PaymentStatus;
  stock: number;
  reserved: number;
  shipped: number;
  charged: number;
  refunded: number;
};

test('whatever happens in whatever order: no piece is lost, nothing terminal is left, and no money is kept for nothing', () => {
  const events = fc.array(
    fc.constantFrom('settle-yes', 'settle-no', 'settle-lost', 'cancel', 'expire', 'fulfil', 'retry'),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(events, (happenings) => {
      const model: Model = {
        ...{ status: 'pending', payment: 'none' },
        ...{ stock: 8, reserved: 2, shipped: 0, charged: 0, refunded: 0 },
      };
      for (const happening of [...happenings, 'expire', ...Array.from({ length: 4 }, () => 'settle-yes')]) {
        const before = model.status;
        happen(model, happening);
        assert.equal(model.stock + model.reserved + model.shipped, 10);
        assert.ok(model.stock >= 0 && model.reserved >= 0);
        if (isTerminal(before)) assert.equal(model.status, before);
        assert.ok(model.charged <= 1 && model.refunded <= model.charged);
      }
      const kept = model.status === 'paid' || model.status === 'fulfilled' ? 1 : 0;
      assert.equal(model.charged - model.refunded, kept, JSON.stringify(model));
      assert.equal(model.reserved, model.status === 'paid' ? 2 : 0);
      assert.equal(stepOf({ ...model, total: 1, payment_status: model.payment, payment_reference: null }), 'done');
    }),
    { numRuns: 3_000 },
  );
});

function happen(model: Model, happening: string): void {
  if (happening === 'cancel' || happening === 'expire' || happening === 'fulfil') {
    move(model, happening);
    return;
  }
  if (happening === 'retry') {
    if (model.status === 'pending' && model.payment === 'failed') model.payment = 'none';
    return;
  }
  const step = stepOf({ ...model, total: 1, payment_status: model.payment, payment_reference: null });
  if (step === 'refund') {
    if (happening === 'settle-lost') return;
    model.refunded += 1;
    model.payment = 'refunded';
    return;
  }
  if (step !== 'ask' && step !== 'void') return;
  if (step === 'ask') model.payment = 'pending';
  // The service books what is asked for, once, whether or not its answer arrives; a void books nothing.
  const yes = model.charged > 0 || (step === 'ask' && happening !== 'settle-no');
  if (yes) model.charged = 1;
  if (happening === 'settle-lost') return;
  const verdict: Verdict = yes ? 'succeeded' : step === 'void' ? 'voided' : 'failed';
  const { payment, move: made } = meaningOf(model.status, verdict);
  model.payment = payment;
  if (made) move(model, made);
}

function move(model: Model, made: Move): void {
  const status = after(model.status, made);
  if (status === undefined) return;
  model.status = status;
  if (made === 'cancel') model.payment = paymentAfterCancel(model.payment);
  if (STOCK[made] === 'release') model.stock += model.reserved;
  if (STOCK[made] === 'ship') model.shipped += model.reserved;
  if (STOCK[made] !== 'keep') model.reserved = 0;
}

test('a number is the day and ten letters, and no two ids have the same', () => {
  const noon = Date.UTC(2026, 10, 21, 12);
  const numbers = new Set(Array.from({ length: 20_000 }, () => numberOf(uuidv7(noon))));
  assert.equal(numbers.size, 20_000);
  for (const number of numbers) assert.match(number, /^261121-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
  assert.equal(numberOf('019a0000-0000-7000-8000-000000000000').slice(7), '00000-00000');
});

test('a moment is a place among ids', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 47 }), (ms) => {
      assert.ok(firstIdAt(ms) <= uuidv7(ms) && uuidv7(ms) < firstIdAt(ms + 1));
      assert.equal(timeOf(firstIdAt(ms)), ms);
    }),
  );
  assert.equal(firstIdAt(-1), firstIdAt(0));
  assert.match(firstIdAt(Number.POSITIVE_INFINITY), /^ffffffff-ffff-7/);
});

test('keys are made from the order, and a new one only after a refusal', () => {
  assert.deepEqual(
    [1, 2].map((round) => paymentKey('x', round)),
    ['order:x:payment', 'order:x:payment:2'],
  );
  assert.deepEqual(
    [1, 2].map((round) => refundKey('x', round)),
    ['order:x:refund', 'order:x:refund:2'],
  );
});

test('a payment that takes time is looked at less and less often', () => {
  assert.deepEqual([0, 2_000, 40_000, 3_600_000].map(lookAgainMs), [1_000, 1_000, 10_000, 60_000]);
});
