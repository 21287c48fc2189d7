import assert from 'node:assert/strict';
import { waitFor } from '../support.ts';
import { placed } from './orders.ts';
import type { Shop } from './shop.ts';
import type { Say } from './stage.ts';

/** What could not be handled: refunds that a payment service refuses, until somebody looks. */
export function letterStories(say: Say, shop: () => Shop): void {
  say('where everything was handled it says so; what was not comes with its reason, tries and payload', async () => {
    const { page, open, api, payments, portray } = shop();
    await open('/dead-letters');
    await page.getByText('Everything was handled').waitFor();
    payments.script(({ path }) =>
      path.endsWith('/refunds') ? { does: 'error', status: 422 } : { does: 'answer', status: 'succeeded' },
    );
    for (const _ of [1, 2, 3, 4]) {
      const { id } = await placed(shop(), 'TEA-AS-250');
      await waitFor('the payment', async () => (await api.orders.get(id)).status === 'paid');
      await api.orders.cancel(id, { reason: 'changed their mind' });
    }
    await waitFor('the refunds to be given up', async () => (await api.deadLetters.list()).items.length === 4);
    await page.reload();
    const first = page.locator('.letter').first();
    await first.locator('summary').click();
    await first.getByText('payment_refused').waitFor();
    await first.getByText('"order_id"').waitFor();
    await first.getByText(/^[0-9a-f]{32}$/).waitFor();
    await portray('dead-letters');
  });

  say('one is tried again, some are discarded, and all that match are tried', async () => {
    const { page, api, payments } = shop();
    payments.script({ does: 'answer', status: 'succeeded' });
    await page.getByRole('button', { name: 'Try it again' }).click();
    await page.locator('.letter').nth(3).waitFor({ state: 'detached' });
    await waitFor('one to be handled', async () => (await api.deadLetters.list()).items.length === 3);
    await page
      .getByRole('checkbox', { name: /^Choose / })
      .nth(1)
      .check();
    await page.getByText('1 chosen').waitFor();
    await page.getByRole('button', { name: 'Discard 1 letter' }).click();
    await page.getByRole('button', { name: 'Discard', exact: true }).click();
    await page.getByText('1 letter discarded.').waitFor();
    await page.getByRole('button', { name: 'Failed' }).click();
    await page.waitForURL(/status=failed/);
    await page.getByRole('button', { name: 'Try all that match again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Try again' }).click();
    await page.getByText('None of that kind').waitFor();
    await waitFor('all to be handled', async () => (await api.deadLetters.list()).items.length === 0);
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByText('Everything was handled').waitFor();
    const { items } = await api.orders.list({ status: 'cancelled' });
    assert.equal(items.filter(({ payment }) => payment.status === 'refunded').length, 4);
  });
}
