import type pg from 'pg';
import type { Ledger, Payment } from '../sink/ledger.ts';
import { compare, type Fault, fault, of } from '../verdict.ts';
import type { Shop, Told } from './shop.ts';

type OrderRow = { id: string; status: string; total: string; payment_status: string };
type EventRow = { type: string; position: string; stream: string; version: number | null };

/** What an order's events say in their order: no status goes back. */
const AFTER: Readonly<Record<string, readonly string[]>> = {
  order_created: ['order_payment_failed', 'order_paid', 'order_cancelled', 'order_expired'],
  order_payment_failed: ['order_payment_failed', 'order_paid', 'order_cancelled', 'order_expired'],
  order_paid: ['order_fulfilled', 'order_cancelled'],
  order_cancelled: [],
  order_expired: [],
  order_fulfilled: [],
};

/** Orders of the shop whose payment is open. */
export async function unsettled(db: pg.Client, shop: Shop): Promise<Fault[]> {
  const { rows } = await db.query<{ id: string; status: string; payment_status: string; payment_error: string | null }>(
    `select id, status, payment_status, payment_error from orders where tenant_id = $1
        and (payment_status in ('pending', 'refunding') or (status = 'pending' and payment_status = 'none'))`,
    [shop.tenantId],
  );
  return rows.map(({ id, status, payment_status, payment_error }) =>
    fault('lost', `order ${id} is ${status}, its payment still ${payment_status} (${payment_error})`),
  );
}

/** Every piece, every cent and every event of the shop, against what its buyers and its readers were told. */
export async function audit(db: pg.Client, shop: Shop, { payments }: Ledger): Promise<Fault[]> {
  const whose = [shop.tenantId];
  const { rows: orders } = await db.query<OrderRow>(
    'select id, status, total, payment_status from orders where tenant_id = $1',
    whose,
  );
  const { rows: events } = await db.query<EventRow>(
    `select type, position, stream, (data->>'version')::int as version from events
      where tenant_id = $1 order by position`,
    whose,
  );
  const since = events.filter(({ position }) => Number(position) > shop.joinedAt);
  const paymentsOf = Map.groupBy(payments, ({ orderId }) => orderId);
  return of('shop', [
    ...shop.faults,
    ...kept(orders, shop),
    ...orders.flatMap((order) => paid(order, paymentsOf.get(order.id) ?? [])),
    ...(await pieces(db, shop)),
    ...told(events),
    ...transcript('SSE', since, shop.told.sse),
    ...transcript('WebSocket', since, shop.told.ws),
  ]);
}

/** One order for each that was acknowledged, and no other. */
function kept(orders: readonly OrderRow[], { placed }: Shop): Fault[] {
  const asked = placed.map(({ id }) => id).sort();
  const there = orders.map(({ id }) => id).sort();
  const faults = compare(asked, there, { what: 'acknowledged orders' });
  const shared = asked.length - new Set(asked).size;
  return shared === 0 ? faults : [...faults, fault('lost', 'Idempotency-Keys share an order', shared)];
}

/** Charged once for what was paid, and nothing for what was not. */
function paid({ id, status, total }: OrderRow, payments: readonly Payment[]): Fault[] {
  const charges = payments.filter((payment) => payment.status === 'succeeded');
  const standing = charges.filter(({ amount, refunded }) => amount > refunded);
  const due = status === 'paid' || status === 'fulfilled' ? Number(total) : 0;
  const faults =
    standing.length > 1 ? [fault('doubled', `order ${id}: charged ${standing.length} times`, standing.length - 1)] : [];
  const balance = charges.reduce((sum, { amount, refunded }) => sum + amount - refunded, 0);
  return balance === due
    ? faults
    : [...faults, fault('other', `order ${id} is ${status}: ${balance} was taken, ${due} is due`)];
}

/** What is on the shelf, held, and sent, is what there was. */
async function pieces(db: pg.Client, shop: Shop): Promise<Fault[]> {
  const { rows } = await db.query<{ product_id: string; stock: string; reserved: string; held: string; sent: string }>(
    `select s.product_id, s.stock, s.reserved,
            coalesce(sum(l.quantity) filter (where o.status in ('pending', 'paid')), 0) as held,
            coalesce(sum(l.quantity) filter (where o.status = 'fulfilled'), 0) as sent
       from product_stock s
       left join order_lines l on l.tenant_id = s.tenant_id and l.product_id = s.product_id
       left join orders o on o.tenant_id = l.tenant_id and o.id = l.order_id
      where s.tenant_id = $1 group by s.product_id, s.stock, s.reserved`,
    [shop.tenantId],
  );
  return rows.flatMap(({ product_id, stock, reserved, held, sent }) => {
    const there = shop.stock.get(product_id) ?? 0;
    const fine = reserved === held && Number(stock) + Number(reserved) + Number(sent) === there;
    return fine
      ? []
      : [fault('other', `product ${product_id}: stock ${stock}, reserved ${reserved}, held ${held}, sent ${sent}`)];
  });
}

/** The events of each order, in the order of the log, tell a possible story, each chapter once. */
function told(events: readonly EventRow[]): Fault[] {
  const streams = Map.groupBy(
    events.filter(({ type }) => type in AFTER),
    ({ stream }) => stream,
  );
  return [...streams].flatMap(([stream, chapters]) => {
    const types = chapters.map(({ type }) => type);
    const isStory = types.every((type, i) =>
      i === 0 ? type === 'order_created' : AFTER[types[i - 1] as string]?.includes(type),
    );
    const versions = chapters.map(({ version }) => version ?? 0);
    const grows = versions.every((version, i) => i === 0 || version > (versions[i - 1] as number));
    const story = `${stream}: ${types.join(', ')} (${versions.join(', ')})`;
    return isStory && grows ? [] : [fault('out of order', story)];
  });
}

/** A reader heard every event since it came, once, in order. */
function transcript(who: string, due: readonly EventRow[], heard: readonly Told[]): Fault[] {
  return compare(
    due.map(({ position, type }) => `${position} ${type}`),
    heard.map(({ position, type }) => `${position} ${type}`),
    { what: who, missing: 'holes' },
  );
}
