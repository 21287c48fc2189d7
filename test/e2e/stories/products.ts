import assert from 'node:assert/strict';
import { becomes, untilCount, untilValue, waitFor } from '../support.ts';
import type { Shop } from './shop.ts';
import type { Say } from './stage.ts';

const SHELF = [
  { name: 'Darjeeling, second flush', sku: 'TEA-DJ-250', amount: 1_490, stock: 42, tin: true },
  { name: 'Assam, malty', sku: 'TEA-AS-250', amount: 990, stock: 118, tin: true },
  { name: 'Sencha from Uji', sku: 'TEA-SE-100', amount: 1_850, stock: 7, tin: true },
  { name: 'Cast-iron pot', sku: 'POT-1', amount: 8_900, stock: 0, tin: false },
  { name: 'Strainer, fine', sku: 'STR-2', amount: 750, stock: 260, tin: false },
];

/** What is sold: made, found, counted and put away. */
export function productStories(say: Say, shop: () => Shop): void {
  say('the shelves are empty, and a product is made, each fault named at its field', async () => {
    const { page, open, api, portray } = shop();
    await open('/products');
    await page.getByText('The shelves are empty').waitFor();
    await page.getByRole('link', { name: 'New product' }).first().click();
    await page.getByRole('button', { name: 'Make the product' }).click();
    await page.getByText('A name is needed.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Yuzu marmalade');
    const price = page.getByLabel('Price', { exact: true });
    await price.fill('1,299');
    await page.getByText('EUR has two places after the point.').waitFor();
    await page.getByLabel('Currency').selectOption('JPY');
    await page.getByText('JPY has no places after the point.').waitFor();
    await price.fill('1299');
    await page.getByText(/1,299, kept as 1299 minor units\.$/).waitFor();
    await page.getByLabel('Currency').selectOption('EUR');
    await price.fill('6,5');
    await page.getByText('€6.50, kept as 650 minor units.').waitFor();
    await page.getByLabel('SKU').fill('with space');
    await page.getByText('Visible ASCII characters without spaces; at most 64.').waitFor();
    await page.getByLabel('SKU').fill('JAM-1');
    await page.getByLabel('Stock').fill('12');
    await page.getByLabel('Picture').fill('http://pictures.example/jam.svg');
    await page.getByText('An address that begins with https://.').waitFor();
    await page.getByLabel('Picture').fill('https://pictures.example/jam.svg');
    await page.getByRole('button', { name: 'Add an attribute' }).click();
    await page.getByLabel('Name of attribute 1').fill('grams');
    await page.getByLabel('Value of attribute 1').fill('250');
    await portray('product-new');
    await page.getByRole('button', { name: 'Make the product' }).click();
    await page.getByRole('heading', { name: 'Yuzu marmalade' }).waitFor();
    const [made] = (await api.products.list({ query: 'JAM-1' })).items;
    assert.deepEqual(
      [made?.price, made?.stock, made?.attributes, made?.image_url],
      [{ amount: 650, currency: 'EUR' }, 12, { grams: 250 }, 'https://pictures.example/jam.svg'],
    );
  });

  say('what the server alone knows is told at its field, too', async () => {
    const { page, open, api } = shop();
    for (const { name, sku, amount, stock, tin } of SHELF) {
      await api.products.create({
        ...{ name, sku, stock, price: { amount, currency: 'EUR' } },
        ...(tin && { image_url: `https://pictures.example/${sku}.svg` }),
      });
    }
    await api.products.create({ name: 'Bento box', price: { amount: 2_400, currency: 'JPY' }, stock: 3 });
    await open('/products/new');
    await page.getByLabel('Name', { exact: true }).fill('Another pot');
    await page.getByLabel('Price', { exact: true }).fill('89');
    await page.getByLabel('SKU').fill('POT-1');
    await page.getByRole('button', { name: 'Make the product' }).click();
    await page
      .getByRole('alert')
      .filter({ hasText: /POT-1|already|SKU/i })
      .first()
      .waitFor();
    assert.equal(new URL(page.url()).pathname, '/products/new');
  });

  say('stock is added, taken and counted, and never goes below nothing', async () => {
    const { page, open, api, portray } = shop();
    const [jam] = (await api.products.list({ query: 'JAM-1' })).items;
    assert(jam);
    await open(`/products/${jam.id}`);
    const pieces = page.getByLabel('Pieces');
    await pieces.fill('-13');
    await page.getByRole('button', { name: 'Change the stock' }).click();
    await page.getByText('There are only 12.').waitFor();
    await pieces.fill('+8');
    await page.getByText('Then 20.').waitFor();
    await page.getByRole('button', { name: 'Change the stock' }).click();
    await page.locator('.tally dd', { hasText: /^20$/ }).waitFor();
    await page.getByLabel('Change', { exact: true }).selectOption('set');
    await pieces.fill('19');
    await page.keyboard.press('Enter');
    await page.locator('.tally dd', { hasText: /^19$/ }).waitFor();
    assert.equal((await api.products.get(jam.id)).stock, 19);
    await portray('product');
  });

  say('what somebody else writes is shown as it comes; what one has typed oneself is not lost', async () => {
    const { page, api } = shop();
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    await api.products.update(id, { description: 'From the island of Kōchi.' });
    await waitFor('what the other wrote', async () =>
      (await page.getByLabel('Description').inputValue()).startsWith('From the island'),
    );
    await page.getByLabel('Name', { exact: true }).fill('Yuzu marmalade, bitter');
    await api.products.update(id, { description: 'Bitter.', stock_change: 1 });
    await page.getByText('Somebody else changed this meanwhile.').waitFor();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Yuzu marmalade, bitter');
    await page.getByRole('button', { name: 'Save' }).click();
    await page
      .getByRole('alert')
      .getByText(/Somebody else changed this/)
      .waitFor();
    await page.getByRole('button', { name: 'Show theirs' }).click();
    await untilValue(page.getByLabel('Description'), 'Bitter.');
    await page.getByLabel('Name', { exact: true }).fill('Yuzu marmalade, bitter');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    assert.equal((await api.products.get(id)).name, 'Yuzu marmalade, bitter');
  });

  say('an archived product cannot be changed, and comes back', async () => {
    const { page, api } = shop();
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    await page.getByRole('button', { name: 'Archive' }).click();
    await page.getByRole('button', { name: 'Archive it' }).click();
    await page.getByText(/^Archived: it cannot be ordered/).waitFor();
    await becomes('the field is shut', () => page.getByLabel('Name', { exact: true }).isDisabled(), true);
    assert.notEqual((await api.products.get(id)).archived_at, null);
    await page.getByRole('button', { name: 'Restore' }).click();
    await page.getByRole('button', { name: 'Archive' }).waitFor();
    assert.equal((await api.products.get(id)).archived_at, null);
  });

  say('products are searched, filtered and sorted, the address keeps it, and the list is up to date', async () => {
    const { page, open, api, portrayAt } = shop();
    await open('/products');
    await untilCount(page.locator('.rows .row'), 7);
    await portrayAt('products');
    await page.getByLabel('Search products').fill('sencha');
    await page.waitForURL(/query=sencha/);
    const row = page.locator('.row', { hasText: 'Sencha from Uji' });
    await row.getByText('7 in stock').waitFor();
    await untilCount(page.locator('.rows .row'), 1);
    const [sencha] = (await api.products.list({ query: 'sencha' })).items;
    await api.products.update(sencha?.id ?? '', { stock_change: -3 });
    await row.getByText('4 in stock').waitFor();
    await page.getByLabel('Search products').fill('');
    await page.getByRole('button', { name: 'Sold out' }).click();
    await page.locator('.row', { hasText: 'Cast-iron pot' }).getByText('sold out').waitFor();
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByRole('button', { name: 'Price…' }).click();
    await page.getByLabel('Currency').selectOption('EUR');
    await page.getByLabel('From').fill('9');
    await page.getByLabel('To', { exact: true }).fill('15');
    await page.getByLabel('Sorted').selectOption('-price');
    await page.waitForURL(/sort=-price/);
    await waitFor('the two between, the dearer first', async () => {
      const names = await page.locator('.row-title').allInnerTexts();
      return names.join('; ') === 'Darjeeling, second flush; Assam, malty';
    });
    await page.reload();
    await page.locator('.row', { hasText: 'Assam' }).waitFor();
    await untilValue(page.getByLabel('From'), '9');
    await page.getByLabel('From').fill('ten');
    await page.getByText('A price like 19.99.').waitFor();
    await page.getByLabel('Search products').fill('nothing is called that');
    await page.getByRole('button', { name: 'Show all products' }).click();
    await page.locator('.row', { hasText: 'Bento box' }).waitFor();
  });
}
