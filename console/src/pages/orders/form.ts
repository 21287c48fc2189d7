import { type OrderInput, ParleyError, type Product } from '@parley/sdk';
import { type Currency, money } from '../../lib/money.ts';

export type Line = { product: Product; quantity: string };
/** An order as it is put together: quantities are text until they are sent. */
export type Draft = { lines: Line[]; name: string; email: string; reference: string };

export const EMPTY: Draft = { lines: [], name: '', email: '', reference: '' };
export const MOST_LINES = 100;
const MOST_PIECES = 1_000;

/** What the server would refuse, said while typing; of a line by place: `lines.1`. */
export function problems({ lines, name, email, reference }: Draft): Record<string, string> {
  const found: Record<string, string> = {};
  if (lines.length === 0) found.lines = 'Something has to be ordered.';
  for (const [i, line] of lines.entries()) {
    const problem = lineProblem(line, currencyOf(lines));
    if (problem) found[`lines.${i}`] = problem;
  }
  const named = name.trim() !== '' || email.trim() !== '' || reference.trim() !== '';
  if (named && name.trim() === '') found.name = 'A customer has a name.';
  if (named && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim())) found.email = 'An address like ada@example.org.';
  return found;
}

function lineProblem({ product, quantity }: Line, currency: Currency | undefined): string | undefined {
  if (!/^\d{1,4}$/.test(quantity.trim()) || Number(quantity) < 1 || Number(quantity) > MOST_PIECES)
    return 'A whole number from 1 to 1,000.';
  if (product.price.currency !== currency) return `An order has one currency, and the first line is in ${currency}.`;
  if (Number(quantity) > product.stock)
    return product.stock === 0 ? 'Sold out.' : `There are only ${product.stock.toLocaleString('en-GB')}.`;
  return undefined;
}

export const currencyOf = (lines: readonly Line[]): Currency | undefined => lines[0]?.product.price.currency;

/** One more of it, or a first one. */
export function withProduct(lines: readonly Line[], product: Product): Line[] {
  const at = lines.findIndex((line) => line.product.id === product.id);
  if (at < 0) return lines.length < MOST_LINES ? [...lines, { product, quantity: '1' }] : [...lines];
  return lines.map((line, i) => (i === at ? { product, quantity: String((Number(line.quantity) || 0) + 1) } : line));
}

/** What a line comes to, where its quantity is one. */
export function totalOf({ product, quantity }: Line): number | undefined {
  return /^\d{1,4}$/.test(quantity.trim()) ? product.price.amount * Number(quantity) : undefined;
}

/** What it comes to as far as one can see here: the server counts with the prices of its moment. */
export function sumOf(lines: readonly Line[]): string | undefined {
  const currency = currencyOf(lines);
  const totals = lines.map(totalOf);
  if (!currency || totals.includes(undefined) || lines.some(({ product }) => product.price.currency !== currency))
    return undefined;
  return money({ amount: totals.reduce<number>((sum, total) => sum + (total ?? 0), 0), currency });
}

/** The draft as the server takes it. */
export function inputOf({ lines, name, email, reference }: Draft): OrderInput {
  const customer = { name: name.trim(), email: email.trim(), ...(reference.trim() && { reference: reference.trim() }) };
  return {
    lines: lines.map(({ product, quantity }) => ({ product_id: product.id, quantity: Number(quantity) })),
    ...(customer.name !== '' && { customer }),
  };
}

/** Where in the form a field of the server's is: `lines.0.quantity` → `lines.0`. */
export function placeOf(field: string): string {
  const [head = '', next = ''] = field.split('.');
  if (head === 'customer') return next === '' ? 'name' : next;
  return head === 'lines' && next !== '' ? `lines.${next}` : head;
}

type Short = { product_id: string; available: number };

/** What the server had less of than was ordered, by product. */
export function shortOf(error: unknown): Map<string, number> {
  if (!(error instanceof ParleyError) || error.code !== 'out_of_stock') return new Map();
  const { lines } = (error.details ?? {}) as { lines?: Short[] };
  return new Map((lines ?? []).map(({ product_id, available }) => [product_id, available]));
}
