import type { CreateOrder, CurrencyCode } from '../schemas.ts';

/** A product as it stood when its stock was locked. */
export type Shelf = {
  readonly product_id: string;
  readonly sku: string | null;
  readonly name: string;
  readonly amount: number;
  readonly currency: CurrencyCode;
  readonly stock: number;
  readonly revision: number;
  /** False: it is archived. */
  readonly sold: boolean;
};

type Line = CreateOrder['lines'][number];

/** A line that is held: its product then, and the product's revision now that its stock has moved. */
export type Held = Line & Pick<Shelf, 'sku' | 'name' | 'amount' | 'revision'>;

/** Why an order cannot be placed; `lines` by their place in it. */
export type Refusal =
  | { readonly why: 'repeated'; readonly line: number; readonly first: number }
  | { readonly why: 'unsold'; readonly lines: readonly number[] }
  | { readonly why: 'currencies'; readonly lines: readonly number[]; readonly currency: CurrencyCode }
  | { readonly why: 'short'; readonly lines: readonly (Line & { line: number; name: string; available: number })[] }
  | { readonly why: 'too_much' };

export type Deal =
  | {
      readonly placed: true;
      readonly lines: readonly Held[];
      readonly total: number;
      readonly currency: CurrencyCode;
    }
  | { readonly placed: false; readonly refusal: Refusal };

/** What is taken of a product by all that were placed, and by how many. */
export type Taken = { readonly product_id: string; readonly quantity: number; readonly orders: number };

/**
 * Deals out what is on the shelves, in the order in which orders came: each is placed whole or not at all, with what those
 * before it have left. Pure; whoever calls it holds the shelves' locks.
 */
export function dealOut(
  orders: readonly (readonly Line[])[],
  shelves: readonly Shelf[],
): { deals: Deal[]; taken: Taken[] } {
  const shelf = new Map(shelves.map((one) => [one.product_id, one]));
  const taken = new Map<string, { product_id: string; quantity: number; orders: number }>();
  const left = (id: string): number => (shelf.get(id)?.stock ?? 0) - (taken.get(id)?.quantity ?? 0);
  const take = ({ product_id, quantity }: Line): Held => {
    const { sku, name, amount, revision } = shelf.get(product_id) as Shelf;
    const so = taken.get(product_id) ?? { product_id, quantity: 0, orders: 0 };
    taken.set(product_id, so);
    so.quantity += quantity;
    so.orders += 1;
    return { product_id, quantity, sku, name, amount, revision: revision + so.orders };
  };
  const deals = orders.map((lines): Deal => {
    const refusal = refusalOf(lines, shelf, left);
    if (refusal !== undefined) return { placed: false, refusal };
    const { currency } = shelf.get((lines[0] as Line).product_id) as Shelf;
    const held = lines.map(take);
    return { placed: true, lines: held, total: totalOf(held), currency };
  });
  return { deals, taken: [...taken.values()] };
}

function refusalOf(
  lines: readonly Line[],
  shelf: ReadonlyMap<string, Shelf>,
  left: (id: string) => number,
): Refusal | undefined {
  const first = new Map<string, number>();
  for (const [line, { product_id }] of lines.entries()) {
    const before = first.get(product_id);
    if (before !== undefined) return { why: 'repeated', line, first: before };
    first.set(product_id, line);
  }
  const offers = lines.map(({ product_id }) => shelf.get(product_id));
  const places = (of: (offer: Shelf | undefined) => boolean) => offers.flatMap((offer, at) => (of(offer) ? [at] : []));
  const unsold = places((offer) => offer?.sold !== true);
  if (unsold.length > 0) return { why: 'unsold', lines: unsold };
  const { currency } = offers[0] as Shelf;
  const others = places((offer) => offer?.currency !== currency);
  if (others.length > 0) return { why: 'currencies', lines: others, currency };
  const short = lines.flatMap((line, at) => {
    const available = left(line.product_id);
    return available < line.quantity ? [{ ...line, line: at, name: (offers[at] as Shelf).name, available }] : [];
  });
  if (short.length > 0) return { why: 'short', lines: short };
  const total = totalOf(lines.map(({ quantity }, at) => ({ quantity, amount: (offers[at] as Shelf).amount })));
  return Number.isSafeInteger(total) ? undefined : { why: 'too_much' };
}

const totalOf = (lines: readonly { readonly amount: number; readonly quantity: number }[]): number =>
  lines.reduce((sum, { amount, quantity }) => sum + amount * quantity, 0);
