import assert from 'node:assert/strict';
import { waitFor } from '../support.ts';
import type { Shop } from './shop.ts';
import type { Say } from './stage.ts';

/** A program of one's own hears what happens: made, tried, signed anew, turned off and brought up to date. */
export function webhookStories(say: Say, shop: () => Shop): void {
  const idOf = (): string => new URL(shop().page.url()).pathname.split('/').at(-1) ?? '';

  say('a webhook is made for some types, and its secret is shown this once', async () => {
    const { page, open, api, receiver, portray } = shop();
    await open('/webhooks');
    await page.getByText('Nobody is told yet').waitFor();
    await page.getByRole('link', { name: 'New webhook' }).first().click();
    await page.getByLabel('Address').fill('example.org');
    await page.getByRole('button', { name: 'Make the webhook' }).click();
    await page.getByText('An address like https://example.org/parley.').waitFor();
    await page.getByLabel('Address').fill(receiver.url);
    await page.getByLabel('What it is for').fill('The warehouse');
    await page.getByText('Only some types').click();
    await page.getByRole('button', { name: 'Make the webhook' }).click();
    await page.getByText('Choose at least one').waitFor();
    await page.getByLabel('product_changed').check();
    await page.getByLabel('order_paid').check();
    await portray('webhook-new');
    await page.getByRole('button', { name: 'Make the webhook' }).click();
    assert.match(await page.locator('.secret input').inputValue(), /^whsec_/);
    await page.getByRole('link', { name: 'I have kept it' }).click();
    await page.getByRole('heading', { name: 'The warehouse' }).waitFor();
    assert.deepEqual((await api.webhooks.get(idOf())).types?.toSorted(), ['order_paid', 'product_changed']);
  });

  say('an example is sent; what fails says what came back, and is sent again', async () => {
    const { page, receiver, portray } = shop();
    await page.getByLabel('Example of').selectOption('order_paid');
    await page.getByRole('button', { name: 'Send an example' }).click();
    await receiver.until(1);
    await page.locator('.letter', { hasText: 'answered 204' }).waitFor();
    receiver.answer((response) => response.writeHead(500).end('out of tea'));
    await page.getByLabel('Example of').selectOption('');
    await page.getByRole('button', { name: 'Send an example' }).click();
    const failed = page.locator('.letter', { hasText: 'answered 500' });
    await failed.locator('summary').click();
    await failed.getByText('out of tea').waitFor();
    await failed.getByText('"type": "webhook_test"').waitFor();
    await portray('webhook');
    receiver.answer((response) => response.writeHead(204).end());
    await page.getByRole('button', { name: 'Send it again' }).click();
    await receiver.until(3);
    await page.locator('.letter', { hasText: 'webhook_test' }).getByText('answered 204').first().waitFor();
  });

  say('its secret is changed while the old one goes on; it is turned off, on, and brought up to date', async () => {
    const { page, api, receiver } = shop();
    await page.getByRole('button', { name: 'New secret…' }).click();
    await page.getByRole('button', { name: 'Make a new secret' }).click();
    assert.match(await page.locator('.secret input').inputValue(), /^whsec_/);
    await page.getByText(/^Two sign now: the one before until /).waitFor();
    await page.getByRole('button', { name: 'Turn off' }).click();
    await page.getByRole('button', { name: 'Turn it off' }).click();
    await page.getByText(/^It was turned off here\./).waitFor();
    const [assam] = (await api.products.list({ query: 'TEA-AS' })).items;
    await api.products.update(assam?.id ?? '', { stock_change: 5 });
    await page.getByRole('button', { name: 'Turn on' }).click();
    await page.getByRole('button', { name: 'Turn off' }).waitFor();
    await page.getByRole('button', { name: 'Replay' }).click();
    await waitFor('the change to be heard', async () =>
      receiver.received.some(({ event }) => event?.data?.product_id === assam?.id && event?.type === 'product_changed'),
    );
    await page.getByText(/^The last one, .* sent \d+ events\.$/).waitFor();
    await page.locator('.tag', { hasText: 'replay' }).first().waitFor();
  });

  say('what it hears is changed, the list tells of it, and it is deleted', async () => {
    const { page, api, portray } = shop();
    const id = idOf();
    await page.getByText('Whatever happens', { exact: true }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    assert.equal((await api.webhooks.get(id)).types, null);
    await page.getByRole('link', { name: 'Webhooks' }).first().click();
    await page.locator('.row', { hasText: 'The warehouse' }).getByText('on', { exact: true }).waitFor();
    await portray('webhooks');
    await page.locator('.row', { hasText: 'The warehouse' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete it' }).click();
    await page.getByText('Nobody is told yet').waitFor();
  });
}
