import { randomUUID } from 'node:crypto';
import type { Answer, Client } from './world.ts';

/** A product at ten euros, of which there are some. */
export async function stocked(client: Client, stock: number, more: object = {}): Promise<{ id: string }> {
  const { status, body } = await client.post('/products', {
    ...{ name: 'Tea', price: { amount: 1_000, currency: 'EUR' }, stock },
    ...more,
  });
  if (status !== 201) throw new Error(`There is no product: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** Orders so many of each product. */
export const order = (
  client: Client,
  quantities: Readonly<Record<string, number>>,
  { key = randomUUID(), ...more }: { key?: string; customer?: object | null; metadata?: object } = {},
): Promise<Answer> => {
  const lines = Object.entries(quantities).map(([product_id, quantity]) => ({ product_id, quantity }));
  return client.post('/orders', { lines, ...more }, { headers: { 'idempotency-key': key } });
};

/** An order that was placed. */
export async function placed(...asked: Parameters<typeof order>): Promise<Answer['body']> {
  const { status, body } = await order(...asked);
  if (status !== 201) throw new Error(`The order was not placed: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** What there is of a product, and what is held. */
export async function stockOf(client: Client, id: string): Promise<[stock: number, reserved: number]> {
  const { items } = (await client.get('/products?page_size=100')).body;
  const found = items.find((item: { id: string }) => item.id === id);
  return [found.stock, found.reserved];
}
