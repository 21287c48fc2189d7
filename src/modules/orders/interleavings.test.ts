import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { order, stocked, stockOf } from '../../../test/support/orders.ts';
import { type Behaviour, PaymentStandIn } from '../../../test/support/payments.ts';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';
import { isTerminal, after as leads, type Move, type Status } from './rules.ts';

let world: World;
let service: PaymentStandIn;
before(async () => {
  service = await PaymentStandIn.start();
  world = await createWorld({ env: service.env });
});
after(async () => {
  await world.stop();
  await service[Symbol.asyncDispose]();
});

/** What one buyer does, one thing after the other, while the others do theirs. */
type Story = { readonly wants: readonly number[]; readonly fate: Fate; readonly deeds: readonly Deed[] };
type Fate = 'yes' | 'no' | 'late' | 'lost' | 'down';
type Deed = 'cancel' | 'expire' | 'fulfil' | 'pay' | 'wait';

const STOCK = [12, 6, 3];
const FATES: Readonly<Record<Fate, readonly Behaviour[]>> = {
  yes: [{ does: 'answer' }],
  no: [{ does: 'answer', status: 'failed', reason: 'card_declined' }],
  late: [{ does: 'answer', afterMs: 30 }],
  lost: [{ does: 'cut', booked: true }, { does: 'answer' }],
  down: [{ does: 'error', status: 500 }, { does: 'cut' }, { does: 'answer' }],
};
const stories = fc.array(
  fc.record({
    wants: fc
      .array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 })
      .filter((wants) => wants.some((n) => n > 0)),
    fate: fc.constantFrom<Fate>('yes', 'yes', 'no', 'late', 'lost', 'down'),
    deeds: fc.array(fc.constantFrom<Deed>('cancel', 'expire', 'fulfil', 'pay', 'wait'), { maxLength: 4 }),
  }),
  { minLength: 4, maxLength: 12 },
);

test('buyers, payments, operators and time at once: nothing oversold, nothing lost, nobody charged for nothing', async () => {
  await fc.assert(
    fc.asyncProperty(stories, async (all) => {
      const shop = await world.signUp();
      const products = await Promise.all(STOCK.map((stock) => stocked(shop, stock)));
      const left = new Map<string, Behaviour[]>();
      service.script(({ body }) => {
        const steps = left.get(String(body.customer?.email)) ?? [];
        return (steps.length > 1 ? steps.shift() : steps[0]) ?? { does: 'answer' };
      });
      const placed = await Promise.all(all.map((story, n) => live(shop, { story, n, products, left })));
      await quiet();
      const ids = placed.filter((id) => id !== undefined);
      const orders = await Promise.all(ids.map(async (id) => (await shop.get(`/orders/${id}`)).body));
      for (const [n, { id }] of products.entries()) {
        const of = (statuses: Status[]) =>
          orders
            .filter(({ status }) => statuses.includes(status))
            .flatMap(({ lines }) => lines)
            .filter(({ product_id }) => product_id === id)
            .reduce((sum: number, { quantity }: { quantity: number }) => sum + quantity, 0);
        const [stock, reserved] = await stockOf(shop, id);
        assert.equal(reserved, of(['pending', 'paid']), 'what is held is held for somebody');
        assert.equal(stock + reserved + of(['fulfilled']), STOCK[n], 'no piece is lost, none is made');
      }
      for (const sold of orders) {
        const owed = sold.status === 'paid' || sold.status === 'fulfilled' ? sold.total.amount : 0;
        assert.equal(service.balanceOf(sold.id), owed, `${sold.status} ${JSON.stringify(sold.payment)}`);
        await assertHistory(shop, sold.id, sold.status);
      }
    }),
    { numRuns: 6 },
  );
});

type Scene = {
  readonly story: Story;
  readonly n: number;
  readonly products: readonly { id: string }[];
  readonly left: Map<string, Behaviour[]>;
};

async function live(shop: Member, { story, n, products, left }: Scene): Promise<string | undefined> {
  const email = `buyer${n}@example.com`;
  left.set(email, [...FATES[story.fate]]);
  const wanted = story.wants.flatMap((quantity, index) => (quantity > 0 ? [[products[index]?.id, quantity]] : []));
  const { status, body } = await order(shop, Object.fromEntries(wanted), { customer: { name: 'Buyer', email } });
  if (status === 409) return undefined;
  assert.equal(status, 201, JSON.stringify(body));
  for (const deed of story.deeds) {
    if (deed === 'wait') await world.settle();
    else if (deed === 'expire') await due('orders.expire', body.id);
    else assert.ok([200, 409].includes((await shop.post(`/orders/${body.id}/${deed}`)).status));
  }
  return body.id;
}

/** Time passes for this work. */
const due = (kind: string, key: string | null) =>
  world.db.inSystemTx((tx) =>
    tx.run(
      sql`update jobs set run_at = now() where kind = ${kind} and (${key}::text is null or key = ${key}) and state = 'waiting'`,
    ),
  );

/** Everything that is to be tried again has been. */
async function quiet(): Promise<void> {
  for (;;) {
    await world.settle();
    if ((await due('orders.settle', null)) === 0) return;
  }
}

const MOVES: Readonly<Record<string, Move>> = {
  ...{ order_paid: 'pay', order_payment_failed: 'fail', order_cancelled: 'cancel' },
  ...{ order_expired: 'expire', order_fulfilled: 'fulfil' },
};

/** The log tells a way through the table, and no other. */
async function assertHistory(shop: Member, id: string, last: Status): Promise<void> {
  const { items } = (await shop.get(`/events?stream=orders/${id}`)).body;
  let status: Status = 'pending';
  for (const { type, data } of items.reverse()) {
    const move = MOVES[type];
    if (move !== undefined) {
      assert.ok(!isTerminal(status), `${type} after ${status}`);
      status = leads(status, move) as Status;
    }
    assert.equal(data.status, status, type);
  }
  assert.equal(status, last);
}
