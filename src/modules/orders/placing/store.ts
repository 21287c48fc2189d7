import { sql } from 'kysely';
import type { Query, Tx } from '../../../platform/db/queries.ts';
import type { CreateOrder, CurrencyCode, OrderFacts } from '../schemas.ts';
import type { Held, Shelf, Taken } from './deal.ts';

/**
 * Locks the stock of these products, in the order of their ids, so that two transactions never wait for each other in a
 * circle; what the locked rows hold is the newest, and decides. What is no product is not among the answers.
 */
export function lockShelves(tx: Tx, products: readonly string[]): Promise<Shelf[]> {
  const { tenantId } = tx.ctx;
  return tx.all<Shelf>(sql`
    with held as materialized (
      select product_id, stock, revision from product_stock
      where tenant_id = ${tenantId} and product_id = any(${products}::uuid[])
      order by product_id for no key update
    )
    select h.product_id, h.stock, h.revision, p.sku, p.name, p.amount, p.currency, p.archived_at is null as sold
    from held h join products p on p.tenant_id = ${tenantId} and p.id = h.product_id`);
}

export type NewOrder = Required<Pick<CreateOrder, 'customer' | 'metadata'>> & {
  readonly id: string;
  readonly lines: readonly Held[];
  readonly total: number;
  readonly currency: CurrencyCode;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly createdBy: OrderFacts['created_by'];
};

const jsonOrNull = (value: unknown) => (value === null ? null : JSON.stringify(value));

/** Writes orders and their lines, and takes what they hold, in one statement: what one costs, however many there are. */
export function writeOrders(tenantId: string, orders: readonly NewOrder[], taken: readonly Taken[]): Query<unknown> {
  const rows = orders.flatMap(({ id, lines }) => lines.map((line, at) => ({ ...line, id, at: at + 1 })));
  const order = <T>(of: (order: NewOrder) => T): T[] => orders.map(of);
  const line = <T>(of: (row: (typeof rows)[number]) => T): T[] => rows.map(of);
  return sql`
    with shelf as (
      update product_stock s
      set stock = s.stock - t.quantity, reserved = s.reserved + t.quantity, revision = s.revision + t.orders
      from unnest(${taken.map((t) => t.product_id)}::uuid[], ${taken.map((t) => t.quantity)}::bigint[],
                  ${taken.map((t) => t.orders)}::int[]) as t (product_id, quantity, orders)
      where s.tenant_id = ${tenantId} and s.product_id = t.product_id
    ), placed as (
      insert into orders (tenant_id, id, status, total, currency, customer, customer_email, customer_reference, metadata,
        created_by, created_at, updated_at, expires_at)
      select ${tenantId}::uuid, id, 'pending', total, currency, customer::jsonb, email, reference, metadata::jsonb,
        created_by::jsonb, created_at, created_at, expires_at
      from unnest(${order((o) => o.id)}::uuid[], ${order((o) => o.total)}::bigint[], ${order((o) => o.currency)}::text[],
                  ${order((o) => jsonOrNull(o.customer))}::text[],
                  ${order((o) => o.customer?.email.toLowerCase() ?? null)}::text[],
                  ${order((o) => o.customer?.reference?.toLowerCase() ?? null)}::text[],
                  ${order((o) => JSON.stringify(o.metadata))}::text[],
                  ${order((o) => JSON.stringify(o.createdBy))}::text[], ${order((o) => o.createdAt)}::timestamptz[],
                  ${order((o) => o.expiresAt)}::timestamptz[])
        as o (id, total, currency, customer, email, reference, metadata, created_by, created_at, expires_at)
    )
    insert into order_lines (tenant_id, order_id, line, product_id, sku, name, amount, quantity)
    select ${tenantId}::uuid, order_id, line, product_id, sku, name, amount, quantity
    from unnest(${line((l) => l.id)}::uuid[], ${line((l) => l.at)}::smallint[], ${line((l) => l.product_id)}::uuid[],
                ${line((l) => l.sku)}::text[], ${line((l) => l.name)}::text[], ${line((l) => l.amount)}::bigint[],
                ${line((l) => l.quantity)}::int[]) as l (order_id, line, product_id, sku, name, amount, quantity)`;
}
