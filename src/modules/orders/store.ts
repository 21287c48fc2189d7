import { type RawBuilder, sql } from 'kysely';
import type { Reader, Tx } from '../../platform/db/queries.ts';
import type { Revision } from '../catalog/index.ts';
import type { PaymentStatus, Status } from './rules.ts';
import type { CurrencyCode, OrderFacts } from './schemas.ts';

export type LineRow = {
  product_id: string;
  sku: string | null;
  name: string;
  amount: number;
  quantity: number;
};

/** What changes in an order's life. */
export type State = {
  status: Status;
  status_reason: string | null;
  tracking: string | null;
  payment_status: PaymentStatus;
  payment_provider: string | null;
  payment_reference: string | null;
  payment_round: number;
  payment_attempts: number;
  payment_error: string | null;
  expires_at: Date | null;
  paid_at: Date | null;
  fulfilled_at: Date | null;
  cancelled_at: Date | null;
};

export type OrderRow = State & {
  id: string;
  total: number;
  currency: CurrencyCode;
  customer: OrderFacts['customer'];
  metadata: OrderFacts['metadata'];
  created_by: OrderFacts['created_by'];
  version: number;
  created_at: Date;
  updated_at: Date;
  lines: LineRow[];
};

const facts = sql.raw(
  'o.id, o.status, o.status_reason, o.total, o.currency, o.customer, o.metadata, o.created_by, o.tracking, ' +
    'o.payment_status, o.payment_provider, o.payment_reference, o.payment_round, o.payment_attempts, o.payment_error, ' +
    'o.version, o.created_at, o.updated_at, o.expires_at, o.paid_at, o.fulfilled_at, o.cancelled_at, ' +
    "(select json_agg(json_build_object('product_id', l.product_id, 'sku', l.sku, 'name', l.name, 'amount', l.amount, " +
    "'quantity', l.quantity) order by l.line) from order_lines l where l.tenant_id = o.tenant_id and l.order_id = o.id) " +
    'as lines',
);

/** Gives the pieces of an order back, or takes them away for good. In the order of the products, as when it was placed. */
export function moveStock(tx: Tx, id: string, how: 'release' | 'ship'): Promise<(Revision & { quantity: number })[]> {
  const { tenantId } = tx.ctx;
  return tx.all(sql`
    with line as materialized (
      select product_id, quantity from order_lines where tenant_id = ${tenantId} and order_id = ${id}
    ), held as materialized (
      select product_id from product_stock
      where tenant_id = ${tenantId} and product_id in (select product_id from line)
      order by product_id for no key update
    )
    update product_stock s
    set stock = s.stock + case when ${how === 'release'}::boolean then l.quantity else 0 end,
      reserved = s.reserved - l.quantity, revision = s.revision + 1
    from line l
    where (select count(*) from held) > 0 and s.tenant_id = ${tenantId} and s.product_id = l.product_id
    returning s.product_id, l.quantity, s.revision`);
}

export function findOrder(from: Reader | Tx, id: string): Promise<OrderRow | undefined> {
  return from.first<OrderRow>(sql`
    select ${facts} from orders o where o.tenant_id = ${from.ctx.tenantId} and o.id = ${id}`);
}

export function lockOrder(tx: Tx, id: string): Promise<OrderRow | undefined> {
  return tx.first<OrderRow>(sql`
    select ${facts} from orders o where o.tenant_id = ${tx.ctx.tenantId} and o.id = ${id} for no key update of o`);
}

export async function orderExists(reader: Reader, id: string): Promise<boolean> {
  const row = await reader.first(sql`
    select 1 as one from orders where tenant_id = ${reader.ctx.tenantId} and id = ${id}`);
  return row !== undefined;
}

/** The caller holds the order's lock. Answers its new version and when that was. */
export async function updateOrder(tx: Tx, id: string, state: State): Promise<Pick<OrderRow, 'version' | 'updated_at'>> {
  const row = await tx.first<Pick<OrderRow, 'version' | 'updated_at'>>(sql`
    update orders set status = ${state.status}, status_reason = ${state.status_reason}, tracking = ${state.tracking},
      payment_status = ${state.payment_status}, payment_provider = ${state.payment_provider},
      payment_reference = ${state.payment_reference}, payment_round = ${state.payment_round},
      payment_attempts = ${state.payment_attempts}, payment_error = ${state.payment_error},
      expires_at = ${state.expires_at}, paid_at = ${state.paid_at}, fulfilled_at = ${state.fulfilled_at},
      cancelled_at = ${state.cancelled_at}, version = version + 1, updated_at = now()
    where tenant_id = ${tx.ctx.tenantId} and id = ${id}
    returning version, updated_at`);
  return row as Pick<OrderRow, 'version' | 'updated_at'>;
}

export type Filter = {
  readonly status: string | null;
  /** In lower case. */
  readonly customer: string | null;
  readonly productId: string | null;
  /** Ids from this one on, and before that one. */
  readonly from: string;
  readonly before: string;
  readonly limit: number;
};

/** Newest first. What is not asked for is not in the statement: each of its few forms keeps a plan with its own index. */
export function listOrders(reader: Reader, filter: Filter): Promise<OrderRow[]> {
  const { tenantId } = reader.ctx;
  const { status, customer, productId, from, before, limit } = filter;
  const nothing: RawBuilder<unknown> = sql``;
  return reader.all<OrderRow>(sql`
    select ${facts} from orders o
    where o.tenant_id = ${tenantId} and o.id >= ${from} and o.id < ${before}
      ${status === null ? nothing : sql`and o.status = ${status}`}
      ${customer === null ? nothing : sql`and (o.customer_email = ${customer} or o.customer_reference = ${customer})`}
      ${
        productId === null
          ? nothing
          : sql`and o.id in (select order_id from order_lines where tenant_id = ${tenantId} and product_id = ${productId})`
      }
    order by o.id desc limit ${limit}::int`);
}

/** Of all tenants, for the metrics. */
export const ordersByStatus = sql<{ status: string; count: number }>`
  select status, count(*) as count from orders group by status`;
export const valueByStatus = sql<{ status: string; currency: string; value: number }>`
  select status, currency, sum(total)::float8 as value from orders group by status, currency`;
