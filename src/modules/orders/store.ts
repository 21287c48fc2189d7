import { type RawBuilder, sql } from 'kysely';
import type { Reader, Tx } from '../../platform/db/queries.ts';
import type { Revision } from '../catalog/index.ts';
import type { PaymentStatus, Status } from './rules.ts';
import type { CreateOrder, CurrencyCode, OrderFacts } from './schemas.ts';

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
const json = (value: unknown) => sql`${JSON.stringify(value)}::jsonb`;
const jsonOrNull = (value: unknown) => sql`${value === null ? null : JSON.stringify(value)}::jsonb`;

/** A line as it was asked for, and what is offered for it; `revision` only where the order was placed. */
export type Offer = {
  readonly line: number;
  readonly product_id: string;
  readonly quantity: number;
  /** False: there is no such product, or it is archived. */
  readonly sold: boolean;
  readonly sku: string | null;
  readonly name: string | null;
  readonly amount: number | null;
  readonly currency: CurrencyCode | null;
  readonly stock: number | null;
  readonly placed: boolean;
  readonly revision: number | null;
};

export type NewOrder = Required<Pick<CreateOrder, 'lines' | 'customer' | 'metadata'>> & {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly createdBy: OrderFacts['created_by'];
};

/**
 * Places an order, whole or not at all, in one round trip. Stock is locked in the order of the products' ids, so that two
 * orders never wait for each other in a circle; what the locked rows hold is the newest, and decides. Answers its lines as
 * they were asked for; none is `placed` where one cannot be, for any of the reasons that they tell.
 */
export function placeOrder(tx: Tx, order: NewOrder): Promise<Offer[]> {
  const { tenantId } = tx.ctx;
  const { id, lines, customer, metadata, createdAt, expiresAt, createdBy } = order;
  const products = lines.map(({ product_id }) => product_id);
  const quantities = lines.map(({ quantity }) => quantity);
  return tx.all<Offer>(sql`
    with asked as materialized (
      select a.product_id, a.quantity, a.line
      from unnest(${products}::uuid[], ${quantities}::int[]) with ordinality as a (product_id, quantity, line)
    ), held as materialized (
      select product_id, stock from product_stock
      where tenant_id = ${tenantId} and product_id = any(${products}::uuid[])
      order by product_id for no key update
    ), offer as materialized (
      select a.line, a.product_id, a.quantity, p.sku, p.name, p.amount, p.currency, h.stock,
        p.id is not null and p.archived_at is null and h.stock is not null as sold
      from asked a left join held h on h.product_id = a.product_id
        left join products p on p.tenant_id = ${tenantId} and p.id = a.product_id
    ), verdict as materialized (
      select bool_and(sold and stock >= quantity) and count(distinct currency) = 1
          and sum(amount * quantity) <= ${Number.MAX_SAFE_INTEGER}::bigint as ok,
        sum(amount * quantity) as total, min(currency) as currency
      from offer
    ), taken as (
      update product_stock s
      set stock = s.stock - o.quantity, reserved = s.reserved + o.quantity, revision = s.revision + 1
      from offer o, verdict v
      where v.ok and s.tenant_id = ${tenantId} and s.product_id = o.product_id
      returning s.product_id, s.revision
    ), placed as (
      insert into orders (tenant_id, id, status, total, currency, customer, customer_email, customer_reference, metadata,
        created_by, created_at, updated_at, expires_at)
      select ${tenantId}::uuid, ${id}::uuid, 'pending', v.total::bigint, v.currency, ${jsonOrNull(customer)},
        ${customer?.email.toLowerCase() ?? null}, ${customer?.reference?.toLowerCase() ?? null}, ${json(metadata)},
        ${json(createdBy)}, ${createdAt}::timestamptz, ${createdAt}::timestamptz, ${expiresAt}::timestamptz
      from verdict v where v.ok
    ), kept as (
      insert into order_lines (tenant_id, order_id, line, product_id, sku, name, amount, quantity)
      select ${tenantId}::uuid, ${id}::uuid, o.line, o.product_id, o.sku, o.name, o.amount, o.quantity
      from offer o, verdict v where v.ok
    )
    select o.line, o.product_id, o.quantity, o.sold, o.sku, o.name, o.amount, o.currency, o.stock, v.ok as placed, t.revision
    from offer o cross join verdict v left join taken t on t.product_id = o.product_id
    order by o.line`);
}

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
