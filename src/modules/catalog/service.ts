import { uuidv7 } from '../../lib/ids.ts';
import type { Aside } from '../../platform/cache/aside.ts';
import { cacheKey } from '../../platform/cache/key.ts';
import type { Ctx } from '../../platform/context.ts';
import { violates } from '../../platform/db/errors.ts';
import type { Db, Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import { productChanged } from './events.ts';
import { changed, etagOf, nameOf } from './rules.ts';
import type { ChangeProduct, CreateProduct, ListProducts, Product } from './schemas.ts';
import * as store from './store.ts';

export type Page<T> = { items: T[]; total: number; page: number; page_size: number };
export type MatchedChange = ChangeProduct & { readonly match: readonly number[] | 'any' };

/** A product as it goes out: its final text, and what names this state of it. */
export type ProductText = { readonly etag: string; readonly json: string };

/** A product's row in a cache has changed, and is at this revision now. */
export type Revision = { readonly product_id: string; readonly revision: number };

/** What a tenant sells. */
export type Catalog = {
  /** Throws `already_exists` when the SKU is taken. */
  create(tx: Tx, input: CreateProduct): Promise<Product>;
  /** From the cache. Throws `not_found`. */
  read(ctx: Ctx, id: string): Promise<ProductText>;
  list(ctx: Ctx, query: ListProducts): Promise<Page<Product>>;
  /** Throws `not_found`, `version_mismatch`, `already_exists`, `validation_failed`, `conflict` for stock that is not there. */
  update(ctx: Ctx, id: string, change: MatchedChange): Promise<Product>;
  /** Twice is fine. Throws `not_found`. */
  archive(ctx: Ctx, id: string): Promise<void>;
  /** Products whose stock has moved: what caches hold of them is old. */
  moved(tenantId: string, revisions: readonly Revision[]): void;
};

export type CatalogDeps = { readonly db: Db; readonly products: Aside };

export const present = (row: store.ProductRow): Product => ({
  id: row.id,
  sku: row.sku,
  name: row.name,
  description: row.description,
  price: { amount: row.amount, currency: row.currency },
  image_url: row.image_url,
  attributes: row.attributes,
  stock: row.stock,
  reserved: row.reserved,
  version: row.version,
  revision: row.revision,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  archived_at: row.archived_at?.toISOString() ?? null,
});

const missing = () => new AppError('not_found', { message: 'There is no such product.' });
const taken = (sku: string | null) =>
  new AppError('already_exists', { message: `There is a product with the SKU ${sku} already.` });
const keyOf = (tenantId: string, id: string) => cacheKey(tenantId, 'product', id);

export function catalogService({ db, products }: CatalogDeps): Catalog {
  const moved: Catalog['moved'] = (tenantId, revisions) => {
    for (const { product_id, revision } of revisions) void products.drop(keyOf(tenantId, product_id), revision);
  };

  function announce(tx: Tx, row: store.ProductRow, change: 'created' | 'updated' | 'archived' | 'restored'): void {
    const { id, sku, name, amount, currency, stock, version, revision } = row;
    append(tx, productChanged, {
      stream: `products/${id}`,
      subject: id,
      data: { product_id: id, sku, name, change, amount, currency, stock, version, revision },
    });
  }

  async function change(ctx: Ctx, id: string, { match, ...change }: MatchedChange): Promise<Product> {
    const row = await db.inTx(ctx, (tx) => changeRow(tx, id, { match, ...change }));
    // Whoever has the answer, and reads at once, reads this.
    await products.drop(keyOf(ctx.tenantId, id), row.revision);
    return present(row);
  }

  async function changeRow(tx: Tx, id: string, { match, ...change }: MatchedChange): Promise<store.ProductRow> {
    const old = await store.lockProduct(tx, id);
    if (!old) throw missing();
    if (match !== 'any' && !match.includes(old.version))
      throw new AppError('version_mismatch', { details: { current_version: old.version } });
    const next = changed(old, change);
    try {
      const { contents, stock, archived } = next;
      const row = await store.updateProduct(tx, id, { ...contents, stock, archived });
      announce(tx, row, nameOf(old, next));
      return row;
    } catch (error) {
      if (violates(error, 'unique')) throw taken(next.contents.sku);
      throw error;
    }
  }

  return {
    moved,
    update: change,

    async create(tx, { name, price, sku = null, description = '', stock = 0, image_url = null, attributes = {} }) {
      const contents = { sku, name, description, ...price, image_url, attributes };
      const row = await store.insertProduct(tx, uuidv7(), { ...contents, stock });
      if (!row) throw taken(sku);
      announce(tx, row, 'created');
      return present(row);
    },

    async read(ctx, id) {
      const { value } = await products.get(keyOf(ctx.tenantId, id), async (signal) => {
        const row = await store.findProduct(db.reader({ ...ctx, signal }), id);
        return row ? { value: textOf(row), version: row.revision } : { value: null, version: 0 };
      });
      if (value === null) throw missing();
      const end = value.indexOf('\n');
      return { etag: value.slice(0, end), json: value.slice(end + 1) };
    },

    async list(ctx, { page, page_size, sort, ...filter }) {
      const reader = db.reader(ctx);
      const slice = { sort, limit: page_size, offset: (page - 1) * page_size };
      const rows = await store.listProducts(reader, { ...filter, ...slice });
      const beyond = page > 1 && rows.length === 0;
      const total = rows[0]?.total ?? (beyond ? (await store.countProducts(reader, filter))?.total : 0) ?? 0;
      return { items: rows.map(present), total, page, page_size };
    },

    async archive(ctx, id) {
      await db.inTx(ctx, async (tx) => {
        const old = await store.lockProduct(tx, id);
        if (!old) throw missing();
        if (old.archived_at !== null) return;
        const row = await changeRow(tx, id, { match: 'any', archived: true });
        tx.afterCommit(() => moved(ctx.tenantId, [{ product_id: id, revision: row.revision }]));
      });
    },
  };
}

/** What the cache keeps: the ETag, and the answer's final text. */
const textOf = (row: store.ProductRow): string => `${etagOf(row)}\n${JSON.stringify(present(row))}`;
