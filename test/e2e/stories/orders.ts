import assert from 'node:assert/strict';
import type { Order } from '@parley/sdk';
import { becomes, untilCount, waitFor } from '../support.ts';
import type { Shop } from './shop.ts';
import type { Say } from './stage.ts';

const UNBROKEN = 'Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselanhänger'.repeat(8);

/** An order of something, through the SDK. */
export async function placed({ api }: Shop, sku: string, email = 'lin@example.org'): Promise<Order> {
  const [product] = (await api.products.list({ query: sku })).items;
  return api.orders.create({
    lines: [{ product_id: product?.id ?? '', quantity: 1 }],
    customer: { name: 'Lin Chen', email },
  });
}

/** Placed, watched, paid, refused, sent and called off. */
export function orderStories(say: Say, shop: () => Shop): void {
  const idOf = (): string => new URL(shop().page.url()).pathname.split('/').at(-1) ?? '';

  say('an order is put together by form; what is not there is told at its line', async () => {
    const { page, open, api, payments, portray } = shop();
    payments.script({ does: 'answer', status: 'pending' });
    await open('/orders');
    await page.getByText('Nobody has ordered yet').waitFor();
    await page.getByRole('link', { name: 'New order' }).first().click();
    await page.getByRole('button', { name: 'Place the order' }).click();
    await page.getByText('Something is not right yet.').waitFor();
    await page.getByRole('button', { name: 'Add Darjeeling, second flush' }).click();
    await page.getByRole('button', { name: 'Add Sencha from Uji' }).click();
    await page.getByText('Bento box').waitFor({ state: 'detached' });
    await page.getByLabel('How many Sencha from Uji').fill('5');
    await page.getByText('There are only 4.').waitFor();
    await page.getByLabel('How many Sencha from Uji').fill('2');
    await page.locator('.basket-sum', { hasText: '€51.90' }).waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Ada Okafor');
    await page.getByLabel('Email').fill('ada');
    await page.getByRole('button', { name: 'Place the order' }).click();
    await page.getByText('An address like ada@example.org.').waitFor();
    await page.getByLabel('Email').fill('ada@example.org');
    await portray('order-new');
    // Somebody else is faster: what the page believes to be there is not.
    const [sencha] = (await api.products.list({ query: 'sencha' })).items;
    await api.products.update(sencha?.id ?? '', { stock: 1 });
    await page.getByRole('button', { name: 'Place the order' }).click();
    await page.getByText('There are only 1 left.').waitFor();
    await page.getByLabel('How many Sencha from Uji').fill('1');
    await page.getByRole('button', { name: 'Place the order' }).click();
    await page.getByRole('heading', { name: 'What happened' }).waitFor();
    const order = await api.orders.get(idOf());
    assert.deepEqual([order.total, order.customer?.name], [{ amount: 3_340, currency: 'EUR' }, 'Ada Okafor']);
  });

  say('while its payment is open a clock runs; it is paid and sent before one’s eyes', async () => {
    const { page, api, payments, portrayAt, portray } = shop();
    const id = idOf();
    await payments.heard(({ body }) => body.order_id === id);
    await page.getByText('asked for, not known yet').waitFor();
    await page.locator('.pill-running', { hasText: 'live' }).waitFor();
    const clock = page.getByRole('timer');
    assert.match(await clock.innerText(), /^1[45]:\d\d$/);
    const before = await clock.innerText();
    await waitFor('the clock to go on', async () => (await clock.innerText()) !== before);
    await portrayAt('order-pending');
    payments.settle(id, 'succeeded');
    await page.locator('.step', { hasText: 'Paid' }).waitFor();
    await page.locator('.station-done', { hasText: 'Paid' }).waitFor();
    await untilCount(page.getByRole('timer'), 0);
    await page.getByRole('button', { name: 'Fulfil' }).click();
    await page.getByLabel('Tracking number').fill('DX-2041');
    await page.getByRole('button', { name: 'It has left the house' }).click();
    await page.locator('.step', { hasText: 'Tracking DX-2041' }).waitFor();
    await page.locator('.station-done', { hasText: 'Fulfilled' }).waitFor();
    const steps = page.locator('.step-body > strong');
    await becomes('the steps', () => steps.allInnerTexts(), ['Placed', 'Paid', 'Fulfilled']);
    assert.equal((await api.orders.get(id)).status, 'fulfilled');
    await untilCount(page.getByRole('button', { name: 'Cancel' }), 0);
    await portray('order');
  });

  say('a payment that was refused is asked for again', async () => {
    const { page, open, api, payments } = shop();
    payments.script({ does: 'answer', status: 'failed', reason: 'card_declined' });
    const { id } = await placed(shop(), 'TEA-AS-250');
    await open(`/orders/${id}`);
    await page.locator('.step', { hasText: 'Payment refused' }).getByText('card declined').waitFor();
    payments.script({ does: 'answer' });
    await page.getByRole('button', { name: 'Ask for it again' }).click();
    await page.locator('.step', { hasText: 'Paid' }).waitFor();
    assert.equal((await api.orders.get(id)).payment.status, 'succeeded');
  });

  say('a paid order is cancelled, and its money goes back', async () => {
    const { page, api, payments } = shop();
    const id = idOf();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Reason').fill('ordered twice');
    await page.getByRole('button', { name: 'Cancel the order' }).click();
    await page.locator('.step', { hasText: 'ordered twice; the money goes back' }).waitFor();
    await page.locator('.step', { hasText: 'Money given back' }).waitFor();
    await page.getByText('given back', { exact: true }).waitFor();
    assert.equal(payments.balanceOf(id), 0);
    assert.equal((await api.orders.get(id)).status, 'cancelled');
  });

  say('the list shows each as it stands, and finds those of a customer and of a product', async () => {
    const { page, open, payments, portray } = shop();
    payments.script({ does: 'answer', status: 'pending' });
    const open_ = await placed(shop(), 'STR-2', 'kim@example.org');
    await open('/orders');
    const row = page.locator('.row', { hasText: open_.number });
    await row.getByText('unpaid').waitFor();
    await portray('orders');
    payments.settle(open_.id, 'succeeded');
    await row.getByText('paid', { exact: true }).waitFor();
    await page.getByLabel(/^Email or number/).fill('ada@example.org');
    await page.waitForURL(/customer=ada/);
    await page.locator('.row', { hasText: 'Ada Okafor' }).waitFor();
    await row.waitFor({ state: 'detached' });
    await untilCount(page.locator('.rows .row'), 1);
    await page.getByRole('button', { name: 'Cancelled' }).click();
    await page.getByText('No such orders').waitFor();
    const product = open_.lines[0]?.product_id ?? '';
    await open(`/products/${product}`);
    await page.getByRole('link', { name: 'Orders with it' }).click();
    await page.getByText('Only with Strainer, fine').waitFor();
    await row.waitFor();
    await untilCount(page.locator('.rows .row'), 1);
  });

  say('long names and unbroken words stay within their places, down to 320 pixels', async () => {
    const { open, api, picture } = shop();
    const product = await api.products.create({
      ...{ name: UNBROKEN.slice(0, 200), sku: 'X'.repeat(64), stock: 1_000_000_000 },
      ...{ price: { amount: 1_000_000_000_000, currency: 'IDR' }, description: UNBROKEN },
      attributes: { [UNBROKEN.slice(0, 64)]: UNBROKEN.slice(0, 500) },
    });
    const order = await api.orders.create({
      lines: [{ product_id: product.id, quantity: 1_000 }],
      customer: { name: UNBROKEN.slice(0, 200), email: `${'a'.repeat(60)}@${'b'.repeat(60)}.example.org` },
      metadata: { [`${'long'.repeat(16)}`]: UNBROKEN.slice(0, 500) },
    });
    const pages = {
      ...{ 'long-product': `/products/${product.id}`, 'long-products': '/products' },
      ...{ 'long-order': `/orders/${order.id}`, 'long-orders': '/orders' },
      'long-order-new': `/orders/new?product=${product.id}`,
    };
    for (const [name, path] of Object.entries(pages)) {
      await open(path);
      await picture(name);
    }
    await api.orders.cancel(order.id);
    await api.products.archive(product.id);
  });
}
