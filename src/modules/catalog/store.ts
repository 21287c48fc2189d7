import { sql } from 'kysely';
import type { Reader, Tx } from '../../platform/db/queries.ts';
import type { ListProducts, Product } from './schemas.ts';

export type ProductRow = {
  id: string;
  sku: string | null;
  name: string;
  description: string;
  amount: number;
  currency: Product['price']['currency'];
  image_url: string | null;
  attributes: Product['attributes'];
  version: number;
  created_at: Date;
  updated_at: Date;
  archived_at: Date | null;
  stock: number;
  reserved: number;
  revision: number;
};
export type Contents = Pick<
  ProductRow,
  'sku' | 'name' | 'description' | 'amount' | 'currency' | 'image_url' | 'attributes'
>;

const facts = sql.raw(
  'p.id, p.sku, p.name, p.description, p.amount, p.currency, p.image_url, p.attributes, p.version, p.created_at, ' +
    'p.updated_at, p.archived_at, s.stock, s.reserved, s.revision',
);
const json = (value: unknown) => sql`${JSON.stringify(value)}::jsonb`;

/** Undefined when the SKU is taken. */
export function insertProduct(
  tx: Tx,
  id: string,
  { stock, ...contents }: Contents & { stock: number },
): Promise<ProductRow | undefined> {
  const { tenantId } = tx.ctx;
  return tx.first<ProductRow>(sql`
    with p as (
      insert into products (tenant_id, id, sku, name, description, amount, currency, image_url, attributes)
      values (${tenantId}, ${id}, ${contents.sku}, ${contents.name}, ${contents.description}, ${contents.amount},
        ${contents.currency}, ${contents.image_url}, ${json(contents.attributes)})
      on conflict (tenant_id, sku) do nothing
      returning *
    ), s as (
      insert into product_stock (tenant_id, product_id, stock) select p.tenant_id, p.id, ${stock} from p returning *
    )
    select ${facts} from p cross join s`);
}

/** The product with its stock, locked. Whoever orders it waits; whoever reads it does not. */
export function lockProduct(tx: Tx, id: string): Promise<ProductRow | undefined> {
  return tx.first<ProductRow>(sql`
    select ${facts} from products p join product_stock s on s.tenant_id = p.tenant_id and s.product_id = p.id
    where p.tenant_id = ${tx.ctx.tenantId} and p.id = ${id} for update`);
}

type Change = Contents & { readonly stock: number; readonly archived: boolean };

/** The caller holds the locks. Throws a violation of `unique` when the SKU is taken. */
export async function updateProduct(tx: Tx, id: string, change: Change): Promise<ProductRow> {
  const { tenantId } = tx.ctx;
  const row = await tx.first<ProductRow>(sql`
    with p as (
      update products set sku = ${change.sku}, name = ${change.name}, description = ${change.description},
        amount = ${change.amount}, currency = ${change.currency}, image_url = ${change.image_url},
        attributes = ${json(change.attributes)}, version = version + 1, updated_at = now(),
        archived_at = case when ${change.archived}::boolean then coalesce(archived_at, now()) end
      where tenant_id = ${tenantId} and id = ${id}
      returning *
    ), s as (
      update product_stock set stock = ${change.stock}, revision = revision + 1
      where tenant_id = ${tenantId} and product_id = ${id}
      returning *
    )
    select ${facts} from p cross join s`);
  return row as ProductRow;
}

export function findProduct(reader: Reader, id: string): Promise<ProductRow | undefined> {
  return reader.first<ProductRow>(sql`
    select ${facts} from products p join product_stock s on s.tenant_id = p.tenant_id and s.product_id = p.id
    where p.tenant_id = ${reader.ctx.tenantId} and p.id = ${id}`);
}

const ORDERS: Readonly<Record<ListProducts['sort'], string>> = {
  created_at: 'p.id',
  '-created_at': 'p.id desc',
  name: 'lower(p.name), p.id',
  '-name': 'lower(p.name) desc, p.id desc',
  price: 'p.amount, p.id',
  '-price': 'p.amount desc, p.id desc',
  stock: 's.stock, p.id',
  '-stock': 's.stock desc, p.id desc',
};

export type Filter = Omit<ListProducts, 'page' | 'page_size' | 'sort'>;

const chosen = (reader: Reader, filter: Filter) => {
  const { query = null, currency = null, min_price = null, max_price = null, in_stock = null, archived } = filter;
  return sql`
    from products p join product_stock s on s.tenant_id = p.tenant_id and s.product_id = p.id
    where p.tenant_id = ${reader.ctx.tenantId}
      and (p.archived_at is not null) = ${archived}::boolean
      and (${query}::text is null
        or position(lower(${query}) in lower(p.name || ' ' || coalesce(p.sku, '') || ' ' || p.description)) > 0)
      and (${currency}::text is null or p.currency = ${currency})
      and (${min_price}::bigint is null or p.amount >= ${min_price})
      and (${max_price}::bigint is null or p.amount <= ${max_price})
      and (${in_stock}::boolean is null or (s.stock > 0) = ${in_stock})`;
};

type Slice = { readonly sort: ListProducts['sort']; readonly limit: number; readonly offset: number };

export function listProducts(
  reader: Reader,
  { sort, limit, offset, ...filter }: Filter & Slice,
): Promise<(ProductRow & { total: number })[]> {
  return reader.all(sql`
    select ${facts}, count(*) over () as total ${chosen(reader, filter)}
    order by ${sql.raw(ORDERS[sort])} limit ${limit}::int offset ${offset}::int`);
}

export function countProducts(reader: Reader, filter: Filter): Promise<{ total: number } | undefined> {
  return reader.first(sql`select count(*) as total ${chosen(reader, filter)}`);
}
