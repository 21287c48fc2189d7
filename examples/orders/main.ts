import assert from 'node:assert/strict';
import { type Order, type OrderEvent, Parley, ParleyError, type Product } from '@parley/sdk';
import { ExampleServer } from '../support/server.ts';
import { bold, dim, print } from '../support/story.ts';

const PATIENCE_MS = 120_000;
const BUYERS = 12;
const CLERKS = 12;
/** `make example NAME=orders`; more of them for whoever wants to pull a plug meanwhile: `node scripts/example.ts orders 2000`. */
const ORDERS = Number(process.argv[2] ?? 100);
const EURO = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });
const money = ({ amount }: { amount: number }): string => EURO.format(amount / 100);

/** What an order's events say, in words. */
const WORDS: Readonly<Record<Exclude<OrderEvent['type'], 'reset'>, (data: never) => string>> = {
  order_created: ({ amount }: { amount: number }) => `placed, ${money({ amount })}`,
  order_paid: () => 'paid',
  order_payment_failed: ({ reason }: { reason: string }) => `payment refused: ${reason}`,
  order_cancelled: ({ refund }: { refund: boolean }) => (refund ? 'cancelled, the money goes back' : 'cancelled'),
  order_expired: () => 'expired',
  order_fulfilled: ({ tracking }: { tracking: string | null }) => `on its way (${tracking})`,
  order_refunded: () => 'refunded',
};

/**
 * A tea shop on a busy morning: twelve want the last pots, a card is declined, somebody changes their mind. With a REDIS_URL
 * it runs over that, and `redis-cli FLUSHALL` in the middle of it changes nothing that anybody sees.
 */
const { REDIS_URL } = process.env;
await using server = await ExampleServer.create({ ...(REDIS_URL && { REDIS_URL }) });
print('Starting a server … ');
const { url, email, password } = await server.start();
const parley = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory' });
await parley.auth.signIn({ email, password });
print(`${url}\n${dim('Payments are rehearsed: no money moves.')}\n`);

const tea = await stock('Assam, 250 g', 1_290, 40);
const pot = await stock('Teapot', 4_900, 5);
await happy();
await busy();
await declined();
await changedMind();
await morning();
const { length: count } = await parley.orders.list().toArray();
print(`\n${dim(`${count} orders, each with every step of its own, and no piece sold twice.`)}\n`);

async function stock(name: string, amount: number, pieces: number): Promise<Product> {
  return parley.products.create({ name, price: { amount, currency: 'EUR' }, stock: pieces });
}

async function left(product: Product): Promise<number> {
  return (await parley.products.get(product.id)).stock;
}

/** Follows an order from where it was read until `last` has happened, and prints each step. */
async function follow(order: Order, last: OrderEvent['type']): Promise<OrderEvent[]> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const seen: OrderEvent[] = [];
  for await (const event of parley.orders.events(order.id, { cursor: order.cursor, signal })) {
    assert(event.type !== 'reset', 'the log goes back further than this example');
    seen.push(event);
    print(`  ${order.number}  ${WORDS[event.type](event.data as never)}\n`);
    if (event.type === last) return seen;
  }
  throw new Error(`The order ${order.number} never came to ${last}`);
}

/** Asserts that these steps came, each once and in this order. */
function steps(seen: readonly OrderEvent[], ...types: OrderEvent['type'][]): void {
  assert.deepEqual(
    seen.map(({ type }) => type),
    types,
  );
  assert.equal(new Set(seen.map(({ cursor }) => cursor)).size, seen.length, 'no step twice');
}

async function happy(): Promise<void> {
  print(`\n${bold('An order like any other')}\n`);
  const order = await parley.orders.create({
    lines: [
      { product_id: tea.id, quantity: 2 },
      { product_id: pot.id, quantity: 1 },
    ],
    customer: { name: 'Ada', email: 'ada@example.com' },
  });
  assert.deepEqual(order.total, { amount: 2 * 1_290 + 4_900, currency: 'EUR' }, 'the server does the sum');
  const paid = await follow(order, 'order_paid');
  await parley.orders.fulfil(order.id, { tracking: 'DX-100' });
  const rest = await follow({ ...order, cursor: paid.at(-1)?.cursor ?? '' }, 'order_fulfilled');
  steps([...paid, ...rest], 'order_created', 'order_paid', 'order_fulfilled');
  const { payment, status } = await parley.orders.get(order.id);
  assert.deepEqual([status, payment.status, payment.provider], ['fulfilled', 'succeeded', 'rehearsal']);
}

/** Each buyer repeats the order as a nervous person would; with the same key, it is one order. */
async function busy(): Promise<void> {
  const pieces = await left(pot);
  print(`\n${bold(`${BUYERS} people want ${pieces} pots, and each presses the button three times`)}\n`);
  const lines = [{ product_id: pot.id, quantity: 1 }];
  const tried = await Promise.all(
    Array.from({ length: BUYERS }, async (_, buyer) => {
      const press = () => parley.orders.create({ lines }, { idempotencyKey: `morning-${buyer}`, maxRetries: 20 });
      const answers = await Promise.allSettled([press(), press(), press()]);
      return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.id : codeOf(answer.reason)));
    }),
  );
  for (const answers of tried) assert.equal(new Set(answers).size, 1, `one answer to three presses: ${answers}`);
  const outcomes = tried.map(([answer]) => answer);
  const refused = outcomes.filter((answer) => answer === 'out_of_stock').length;
  assert.equal(new Set(outcomes).size - 1, pieces, 'as many orders as there were pots');
  assert.equal(refused, BUYERS - pieces);
  assert.equal(await left(pot), 0);
  print(`  ${pieces} have one each, ${refused} were told at once that there is none left.\n`);
}

function codeOf(error: unknown): string {
  return error instanceof ParleyError ? error.code : String(error);
}

async function declined(): Promise<void> {
  print(`\n${bold('A card is declined')}\n`);
  const order = await parley.orders.create({
    lines: [{ product_id: tea.id, quantity: 3 }],
    customer: { name: 'Bo', email: 'declined@example.com' },
  });
  const seen = await follow(order, 'order_payment_failed');
  const { status, status_reason, payment } = await parley.orders.get(order.id);
  assert.deepEqual([status, status_reason, payment.error], ['pending', 'payment_failed', 'card_declined']);
  const before = await left(tea);
  await parley.orders.cancel(order.id, { reason: 'the customer gave up' });
  const rest = await follow({ ...order, cursor: seen.at(-1)?.cursor ?? '' }, 'order_cancelled');
  steps([...seen, ...rest], 'order_created', 'order_payment_failed', 'order_cancelled');
  await until(async () => (await left(tea)) === before + 3, 'the tea is back on the shelf');
}

async function changedMind(): Promise<void> {
  print(`\n${bold('Somebody changes their mind after they paid')}\n`);
  const order = await parley.orders.create({ lines: [{ product_id: tea.id, quantity: 1 }] });
  const paid = await follow(order, 'order_paid');
  await parley.orders.cancel(order.id);
  const rest = await follow({ ...order, cursor: paid.at(-1)?.cursor ?? '' }, 'order_refunded');
  steps([...paid, ...rest], 'order_created', 'order_paid', 'order_cancelled', 'order_refunded');
}

/** Many at once, each followed from its first step to its last: none is missed, none comes twice. */
async function morning(): Promise<void> {
  print(`\n${bold(`A morning of ${ORDERS} orders, each followed live`)}\n`);
  await parley.products.update(tea.id, { stock: ORDERS });
  const waiting = Array.from({ length: ORDERS }, (_, n) => n);
  let done = 0;
  const clerk = async (): Promise<void> => {
    for (let n = waiting.shift(); n !== undefined; n = waiting.shift()) {
      const customer = { name: `Customer ${n}`, email: n % 10 === 0 ? 'slow@example.com' : `c${n}@example.com` };
      const order = await parley.orders.create({ lines: [{ product_id: tea.id, quantity: 1 }], customer });
      const seen: OrderEvent[] = [];
      const signal = AbortSignal.timeout(PATIENCE_MS);
      for await (const event of parley.orders.events(order.id, { cursor: order.cursor, signal })) {
        seen.push(event);
        if (event.type === 'order_paid') await parley.orders.fulfil(order.id);
        if (event.type === 'order_fulfilled') break;
      }
      steps(seen, 'order_created', 'order_paid', 'order_fulfilled');
      done += 1;
      if (done % 20 === 0) print(`  ${done} of ${ORDERS} have come through\n`);
    }
  };
  await Promise.all(Array.from({ length: CLERKS }, clerk));
  assert.equal(done, ORDERS);
  const nothing = async () => {
    const { stock, reserved } = await parley.products.get(tea.id);
    return stock === 0 && reserved === 0;
  };
  await until(nothing, 'every piece is sold, and none is held for nobody');
}

/** What caches hold is dropped by the very events that were just seen; they may hear of these a moment later. */
async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    assert(tries < 100, `It never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
