import assert from 'node:assert/strict';
import { untilCount, waitFor } from '../support.ts';
import type { Shop } from './shop.ts';
import type { Say } from './stage.ts';

/** What happens, how far its readers are, and every endpoint. */
export function watchStories(say: Say, shop: () => Shop): void {
  say('events are shown as they happen, opened, followed to what they are about, and held still', async () => {
    const { page, open, api, portray } = shop();
    await open('/events');
    await page.locator('.pill-running', { hasText: 'live' }).waitFor();
    const made = await api.products.create({ name: 'Seen live', price: { amount: 1, currency: 'EUR' } });
    const line = page.locator('.event', { hasText: `products/${made.id}` }).first();
    await line.locator('summary').click();
    await line.getByText('"name": "Seen live"').waitFor();
    assert.equal(await line.getByRole('link', { name: 'To the product' }).getAttribute('href'), `/products/${made.id}`);
    await portray('events');
    await page.getByRole('button', { name: 'Hold still' }).click();
    const before = await page.locator('.event').count();
    await api.products.update(made.id, { description: 'Now described.' });
    await page.getByRole('button', { name: 'Go on, 1 new' }).waitFor();
    assert.equal(await page.locator('.event').count(), before);
    await page.getByRole('button', { name: 'Go on, 1 new' }).click();
    await page.locator('.event').nth(before).waitFor();
    await page
      .locator('.event[open]')
      .getByRole('button', { name: /^All of trace/ })
      .click();
    await page.waitForURL(/trace=[0-9a-f]{32}/);
  });

  say('events are filtered by type, stream, time and text, on the server and live', async () => {
    const { page, open, api } = shop();
    await open('/events?type=product_changed');
    await waitFor('only that type', async () => {
      const types = await page.locator('.event summary strong').allInnerTexts();
      return types.length > 0 && types.every((type) => type === 'product_changed');
    });
    await page.getByLabel('Text in the data').fill('sencha');
    await page.waitForURL(/text=sencha/);
    const [sencha] = (await api.products.list({ query: 'sencha' })).items;
    await page.locator('.pill-running', { hasText: 'live' }).waitFor();
    await waitFor('only that text', async () => {
      const streams = await page.locator('.event .event-stream').allInnerTexts();
      return streams.length > 0 && streams.every((stream) => stream === `products/${sencha?.id}`);
    });
    const before = await page.locator('.event').count();
    const [assam] = (await api.products.list({ query: 'TEA-AS' })).items;
    await api.products.update(assam?.id ?? '', { stock_change: 1 });
    await api.products.update(sencha?.id ?? '', { stock_change: 1 });
    await page.locator('.event').nth(before).waitFor();
    assert.equal(await page.locator('.event').count(), before + 1);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('Stream, trace, time').click();
    await page.getByLabel('To', { exact: true }).fill('2020-01-01T00:00');
    await page.getByText('Nothing here speaks of that').waitFor();
    await page.locator('.pill', { hasText: 'of the past' }).waitFor();
  });

  say('one event has an address of its own', async () => {
    const { page, open, api, portray } = shop();
    const [event] = (await api.events.list({ type: 'order_paid', limit: 1 })).items;
    assert(event);
    await open(`/events/${event.id}`);
    await page.getByText(`${event.epoch}.${event.position}`).waitFor();
    await portray('event');
    await page.getByRole('link', { name: event.stream }).click();
    await page.waitForURL(/about=orders%2F/);
    await page.locator('.event', { hasText: 'order_created' }).waitFor();
  });

  say('a trace id leads to all events of the trace', async () => {
    const { page, open, api } = shop();
    const [event] = (await api.events.list({ type: 'order_paid', limit: 1 })).items;
    const trace = event?.traceparent?.split('-')[1] ?? '';
    const { items } = await api.events.list({ trace });
    await open(`/events/${event?.id}`);
    await page.getByRole('link', { name: trace }).click();
    await page.waitForURL(`**/events?trace=${trace}`);
    await untilCount(page.locator('.event'), items.length);
    assert.ok(items.some(({ id }) => id === event?.id));
    await page.getByLabel('Trace', { exact: true }).fill('half');
    await page.getByText('32 digits and letters from a to f.').waitFor();
  });

  say('streams tell how far their readers are, and the small charts follow', async () => {
    const { page, open, api, portrayAt } = shop();
    await open('/streams');
    await page.getByRole('heading', { name: 'Shards of the log' }).waitFor();
    const { groups, shards } = await api.system.streams();
    await untilCount(page.locator('.group-name'), groups.length);
    await untilCount(page.locator('.table-frame tbody tr'), shards.length);
    await page.locator('.spark-line').first().waitFor({ state: 'attached' });
    await portrayAt('streams');
    await page.getByRole('button', { name: 'Hold still' }).click();
    await page.locator('.pill', { hasText: 'held still' }).waitFor();
  });

  say('every endpoint has its form, or its place in the docs', async () => {
    const { page, url, open, portray } = shop();
    await open('/endpoints');
    await page.locator('.endpoint').first().waitFor();
    const told = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const all = Object.values(told.paths).reduce((sum, item) => sum + Object.keys(item).length, 0);
    await untilCount(page.locator('.endpoint'), all);
    await untilCount(page.getByRole('link', { name: /^In the API docs ?: \S/ }), all);
    await page.getByLabel('Path, name or permission').fill('order');
    await page.locator('.endpoint', { hasText: '/health' }).first().waitFor({ state: 'detached' });
    await portray('endpoints');
    await page.getByRole('link', { name: /^In the console ?: Place an order$/ }).click();
    await page.getByRole('heading', { name: 'New order' }).waitFor();
    await open('/endpoints');
    await page.getByLabel('Path, name or permission').fill('createTicket');
    const docs = page.getByRole('link', { name: /^In the API docs ?: / });
    await untilCount(docs, 1);
    await docs.click();
    await page.locator('.opblock.is-open', { hasText: '/tickets' }).waitFor();
  });

  say('on a phone every place is behind one button, and a role sees only its own', async () => {
    const { page, open, api, url, visitor, picture } = shop();
    await page.setViewportSize({ width: 390, height: 844 });
    await open('/products');
    await page.getByRole('button', { name: 'More' }).click();
    const sheet = page.getByRole('dialog', { name: 'Go to' });
    await sheet.getByRole('link', { name: 'Dead letters' }).click();
    await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
    await sheet.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Dead letters' }).click();
    await picture('places');
    await page.keyboard.press('Escape');

    const { token } = await api.invitations.create({ email: 'vi@example.org', roles: ['viewer'] });
    const other = await visitor();
    await other.goto(`${url}/invitation#${token}`);
    await other.getByLabel('Your name').fill('Vi');
    await other.getByLabel('Password', { exact: true }).fill('a very long password indeed');
    await other.keyboard.press('Enter');
    const places = other.getByRole('navigation', { name: 'Main' });
    await places.getByRole('link', { name: 'Orders' }).waitFor();
    assert.deepEqual(
      [await places.getByRole('link', { name: 'Webhooks' }).count(), await places.getByText('Dead letters').count()],
      [0, 0],
    );
    await places.getByRole('link', { name: 'Products' }).click();
    await other.locator('.row', { hasText: 'Assam' }).click();
    await other.getByRole('heading', { name: 'Assam, malty' }).waitFor();
    assert.equal(await other.getByRole('button', { name: /Save|Archive|Change the stock/ }).count(), 0);
    await other.context().close();
  });
}
