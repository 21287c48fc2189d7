import type { Product, ProductChange, ProductInput } from '@parley/sdk';
import { amountOf, type Currency, typedOf } from '../../lib/money.ts';

type Fact = string | number | boolean;

/** A product as typed: the price in the currency's own way, numbers as text until they are sent. */
export type Draft = {
  name: string;
  sku: string;
  description: string;
  price: string;
  currency: Currency;
  /** How many there are to begin with; of a kept product the stock has a form of its own. */
  stock: string;
  image_url: string;
  attributes: { key: string; value: string }[];
};

export const emptyDraft = (currency: Currency): Draft => ({
  ...{ name: '', sku: '', description: '', price: '', currency, stock: '0', image_url: '', attributes: [] },
});

export const MOST_ATTRIBUTES = 50;
export const MOST_STOCK = 1_000_000_000;

export const draftOf = (product: Product): Draft => ({
  name: product.name,
  sku: product.sku ?? '',
  description: product.description,
  price: typedOf(product.price),
  currency: product.price.currency,
  stock: String(product.stock),
  image_url: product.image_url ?? '',
  attributes: Object.entries(product.attributes).map(([key, value]) => ({ key, value: factText(value) })),
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what a name may not hold
const FACT_NAME = /^[^\u0000-\u001f\u007f]{1,64}$/;

/** What the server would refuse, said while typing; of a list by place: `attributes.1`. */
export function problems(draft: Draft): Record<string, string> {
  const found: Record<string, string> = {};
  if (draft.name.trim() === '') found.name = 'A name is needed.';
  else if (draft.name.length > 200) found.name = 'At most 200 characters.';
  if (draft.sku !== '' && !/^[!-~]{1,64}$/.test(draft.sku))
    found.sku = 'Visible ASCII characters without spaces; at most 64.';
  if (draft.description.length > 4_000) found.description = 'At most 4,000 characters.';
  const price = amountOf(draft.price, draft.currency);
  if ('problem' in price) found.price = price.problem;
  const stock = stockProblem(draft.stock);
  if (stock) found.stock = stock;
  if (draft.image_url !== '' && !isHttps(draft.image_url)) found.image_url = 'An address that begins with https://.';
  for (const [i, { key, value }] of draft.attributes.entries()) {
    if (!FACT_NAME.test(key)) found[`attributes.${i}`] = 'A name of 1 to 64 characters.';
    else if (draft.attributes.findIndex((other) => other.key === key) < i)
      found[`attributes.${i}`] = 'This name is there already.';
    else if (value.length > 512) found[`attributes.${i}`] = 'At most 512 characters.';
  }
  return found;
}

export function stockProblem(typed: string): string | undefined {
  const most = MOST_STOCK.toLocaleString('en-GB');
  return /^\d{1,10}$/.test(typed.trim()) && Number(typed) <= MOST_STOCK
    ? undefined
    : `A whole number from 0 to ${most}.`;
}

/** `+5`, `-3`, `5`: what is added to the stock; or what is wrong with it. */
export function changeProblem(typed: string, stock: number): string | undefined {
  if (!/^[+\-−]?\d{1,10}$/.test(typed.trim())) return 'A whole number, like 12 or -3.';
  const change = changeOf(typed);
  if (change === 0) return 'Nothing would change.';
  if (stock + change < 0) return `There are only ${stock.toLocaleString('en-GB')}.`;
  return stock + change > MOST_STOCK ? `It would be more than ${MOST_STOCK.toLocaleString('en-GB')}.` : undefined;
}
export const changeOf = (typed: string): number => Number(typed.trim().replace('−', '-'));

function isHttps(typed: string): boolean {
  if (typed.length > 2_048 || !typed.startsWith('https://') || /\s/.test(typed)) return false;
  return URL.canParse(typed);
}

/** What was kept as a number or a truth is shown as JSON shows it, and a text that looks so in quotes. */
const factText = (value: Fact): string =>
  typeof value === 'string' ? (factOf(value) === value ? value : JSON.stringify(value)) : String(value);

/** `12` and `true` are what they look like; in quotes, or anything else, it is text. */
export function factOf(typed: string): Fact {
  if (/^(?:true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?|"(?:[^"\\]|\\.)*")$/.test(typed.trim())) {
    try {
      return JSON.parse(typed) as Fact;
    } catch {
      return typed;
    }
  }
  return typed;
}

function described(draft: Draft): Omit<ProductInput, 'stock'> {
  const price = amountOf(draft.price, draft.currency);
  return {
    name: draft.name.trim(),
    sku: draft.sku === '' ? null : draft.sku,
    description: draft.description,
    price: { amount: 'amount' in price ? price.amount : 0, currency: draft.currency },
    image_url: draft.image_url === '' ? null : draft.image_url,
    attributes: Object.fromEntries(draft.attributes.map(({ key, value }) => [key, factOf(value)])),
  };
}

/** The draft as the server takes it. */
export const inputOf = (draft: Draft): ProductInput => ({ ...described(draft), stock: Number(draft.stock) });
/** The stock stays as it is: orders may have taken from it meanwhile. */
export const changesOf = (draft: Draft): ProductChange => described(draft);

/** Where in the form a field of the server's is: `price.amount` → `price`. */
export function placeOf(field: string, draft: Draft): string {
  const [head = '', ...rest] = field.split('.');
  if (head === 'price') return rest[0] === 'currency' ? 'currency' : 'price';
  if (head !== 'attributes') return head;
  const at = draft.attributes.findIndex(({ key }) => key === rest.join('.'));
  return at < 0 ? 'attributes' : `attributes.${at}`;
}
