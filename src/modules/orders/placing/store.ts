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

export const takeStock = (tenantId: string, taken: readonly Taken[]): Query<unknown> => sql`
  update product_stock s
  set stock = s.stock - t.quantity, reserved = s.reserved + t.quantity, revision = s.revision + t.orders
  from unnest(${taken.map((t) => t.product_id)}::uuid[], ${taken.map((t) => t.quantity)}::bigint[],
              ${taken.map((t) => t.orders)}::int[]) as t (product_id, quantity, orders)
  where s.tenant_id = ${tenantId} and s.product_id = t.product_id`;

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

export function insertOrders(tenantId: string, orders: readonly NewOrder[]): Query<unknown> {
  const column = <T>(of: (order: NewOrder) => T): T[] => orders.map(of);
  return sql`
    insert into orders (tenant_id, id, status, total, currency, customer, customer_email, customer_reference, metadata,
      created_by, created_at, updated_at, expires_at)
    select ${tenantId}::uuid, id, 'pending', total, currency, customer::jsonb, email, reference, metadata::jsonb,
      created_by::jsonb, created_at, created_at, expires_at
    from unnest(${column((o) => o.id)}::uuid[], ${column((o) => o.total)}::bigint[], ${column((o) => o.currency)}::text[],
                ${column((o) => jsonOrNull(o.customer))}::text[],
                ${column((o) => o.customer?.email.toLowerCase() ?? null)}::text[],
                ${column((o) => o.customer?.reference?.toLowerCase() ?? null)}::text[],
                ${column((o) => JSON.stringify(o.metadata))}::text[], ${column((o) => JSON.stringify(o.createdBy))}::text[],
                ${column((o) => o.createdAt)}::timestamptz[], ${column((o) => o.expiresAt)}::timestamptz[])
      as o (id, total, currency, customer, email, reference, metadata, created_by, created_at, expires_at)`;
}

export function insertLines(tenantId: string, orders: readonly NewOrder[]): Query<unknown> {
  const rows = orders.flatMap(({ id, lines }) => lines.map((line, at) => ({ ...line, id, at: at + 1 })));
  const column = <T>(of: (row: (typeof rows)[number]) => T): T[] => rows.map(of);
  return sql`
    insert into order_lines (tenant_id, order_id, line, product_id, sku, name, amount, quantity)
    select ${tenantId}::uuid, order_id, line, product_id, sku, name, amount, quantity
    from unnest(${column((r) => r.id)}::uuid[], ${column((r) => r.at)}::smallint[],
                ${column((r) => r.product_id)}::uuid[], ${column((r) => r.sku)}::text[],
                ${column((r) => r.name)}::text[], ${column((r) => r.amount)}::bigint[],
                ${column((r) => r.quantity)}::int[])
      as l (order_id, line, product_id, sku, name, amount, quantity)`;
}
