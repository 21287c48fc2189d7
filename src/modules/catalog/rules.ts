import { AppError } from '../../platform/http/errors.ts';
import { type FieldFault, validationFailed } from '../../platform/http/validation.ts';
import { type ChangeProduct, MAX_STOCK } from './schemas.ts';
import type { Contents, ProductRow } from './store.ts';

/** What a product has besides its contents: how many there are, and whether it can be ordered at all. */
export type Next = { readonly contents: Contents; readonly stock: number; readonly archived: boolean };

/** A product after a change. Throws `validation_failed` or, where the stock does not suffice, `conflict`. */
export function changed(old: ProductRow, change: ChangeProduct): Next {
  return {
    contents: {
      sku: change.sku === undefined ? old.sku : change.sku,
      name: change.name ?? old.name,
      description: change.description ?? old.description,
      amount: change.price?.amount ?? old.amount,
      currency: change.price?.currency ?? old.currency,
      image_url: change.image_url === undefined ? old.image_url : change.image_url,
      attributes: change.attributes ?? old.attributes,
    },
    stock: stockAfter(old.stock, change),
    archived: change.archived ?? old.archived_at !== null,
  };
}

function stockAfter(stock: number, { stock: absolute, stock_change: difference = 0 }: ChangeProduct): number {
  if (absolute !== undefined && difference !== 0)
    throw validationFailed([fault('stock_change', 'not', 'cannot be given together with stock')]);
  const after = absolute ?? stock + difference;
  if (after > MAX_STOCK)
    throw validationFailed([fault('stock_change', 'maximum', `would make more than ${MAX_STOCK}`)]);
  if (after < 0)
    throw new AppError('conflict', {
      message: `There are only ${stock} pieces, and ${-difference} cannot be taken from these.`,
      details: { stock },
    });
  return after;
}

const fault = (field: string, rule: string, message: string): FieldFault => ({ in: 'body', field, rule, message });

/** What an event calls the change. */
export function nameOf(old: ProductRow, next: Next): 'updated' | 'archived' | 'restored' {
  const was = old.archived_at !== null;
  if (was === next.archived) return 'updated';
  return next.archived ? 'archived' : 'restored';
}

/** The ETag: the version, which `If-Match` compares, and the revision, which also counts what orders take. */
export const etagOf = ({ version, revision }: Pick<ProductRow, 'version' | 'revision'>): string =>
  `"v${version}.${revision}"`;

const TAG = /^"(?:v(\d{1,15})(?:\.\d{1,15})?|(\d{1,15}))"$/;
const MAX_TAGS = 20;

/**
 * The versions that `If-Match` names; undefined without the header. An ETag of ours counts by its version, so that a
 * product can be changed while it is being ordered; the bare version is understood too.
 */
export function versionsIn(header: string | undefined): readonly number[] | 'any' {
  const text = header?.trim();
  if (!text || text === '*') return 'any';
  return text.split(',', MAX_TAGS).flatMap((tag) => {
    const match = TAG.exec(tag.trim());
    return match === null ? [] : [Number(match[1] ?? match[2])];
  });
}
