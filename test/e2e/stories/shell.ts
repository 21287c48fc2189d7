import assert from 'node:assert/strict';
import { becomes, waitFor } from '../support.ts';
import type { Say, Stage } from './stage.ts';

/** What every page has round it. */
export function shellStories(say: Say, stage: () => Stage): void {
  say('Ctrl K goes anywhere, and Escape goes nowhere', async () => {
    const { page, open, portray } = stage();
    await open('/documents');
    await page.getByRole('link', { name: 'Agents', exact: true }).focus();
    await page.keyboard.press('Control+k');
    const box = page.getByRole('combobox', { name: /^Go to a page/ });
    await box.fill('judge');
    await page.getByRole('option', { name: /judge-ravn/ }).waitFor();
    await page.keyboard.press('Escape');
    await box.waitFor({ state: 'detached' });
    assert.equal(new URL(page.url()).pathname, '/documents');
    await becomes('the focus is back', () => page.evaluate<string>('document.activeElement.textContent'), 'Agents');
    await page.keyboard.press('Control+k');
    await page.getByRole('option').nth(11).waitFor();
    await portray('palette');
    await box.fill('usage');
    await page.getByRole('option', { name: /^Usage/, selected: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    assert.equal(new URL(page.url()).pathname, '/settings/usage');
  });

  say('on the way to another page the focus goes with it', async () => {
    const { page } = stage();
    await page.getByRole('link', { name: 'Agents', exact: true }).click();
    await page.getByRole('heading', { name: 'Agents' }).waitFor();
    await waitFor('the focus to be on the page', async () =>
      page.evaluate<boolean>("document.activeElement?.id === 'main'"),
    );
    await waitFor('the title', async () => /^Agents/.test(await page.title()));
  });

  say('without a network it says so, and what cannot be read can be tried again', async () => {
    const { page } = stage();
    await page.context().setOffline(true);
    await page.getByText('This machine has no network.').waitFor();
    await page.getByRole('link', { name: 'Documents', exact: true }).click();
    await page.getByText('The server cannot be reached.').waitFor();
    await page.context().setOffline(false);
    await page.getByText('This machine has no network.').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('The server cannot be reached.').waitFor({ state: 'detached' });
  });

  say('every other page is fit for assistive technology, for a phone and for a wall', async () => {
    const { open, portray } = stage();
    const pages = {
      ...{ agents: '/agents', 'agent-new': '/agents/new', 'document-new': '/documents/new' },
      ...{ 'settings-usage': '/settings/usage', nowhere: '/nowhere' },
    };
    for (const [name, path] of Object.entries(pages)) {
      await open(path);
      await portray(name);
    }
  });
}
