import assert from 'node:assert/strict';
import { Parley } from '@parley/sdk';
import type { Page } from 'playwright-core';
import { becomes, waitFor } from '../support.ts';
import { PERSON, type Say, type Stage } from './stage.ts';

const OTHER = 'a long walk round the harbour';
const GUEST = { name: 'Ines Okafor', email: 'ines@example.org', password: 'a boat across the harbour' };

/** The settings: whoever comes in, what they may, and the keys of programs and providers. */
export function teamStories(say: Say, stage: () => Stage): void {
  let guest: Page;

  say('an invitation’s link is shown once, and lets its guest in', async () => {
    const { page, open, visitor, portray } = stage();
    await open('/settings/members');
    await page.getByLabel('Email').fill('ines');
    await page.getByRole('button', { name: 'Invite' }).click();
    await page.getByText('This is not an email address yet.').waitFor();
    await page.getByLabel('Email').fill(GUEST.email);
    await page.getByLabel('Role', { exact: true }).selectOption('viewer');
    await page.getByRole('button', { name: 'Invite' }).click();
    const link = await page.locator('.secret input').inputValue();
    await page.getByText(/^viewer · open until /).waitFor();
    await portray('settings-members');
    guest = await visitor();
    await guest.goto(link);
    await guest.getByLabel('Your name').fill(GUEST.name);
    await guest.getByLabel('Password').fill(GUEST.password);
    await guest.getByRole('button', { name: 'Join' }).click();
    await guest.getByRole('heading', { name: 'Discussions' }).waitFor();
    await page.reload();
    await page.locator('.lines li', { hasText: GUEST.email }).getByLabel(`Role of ${GUEST.name}`).waitFor();
  });

  say('a viewer is offered nothing that a viewer may not do', async () => {
    const { url } = stage();
    assert.equal(await guest.getByRole('link', { name: 'New discussion' }).count(), 0);
    await guest.goto(`${url}/discussions/gallery`);
    await guest.getByText(/^Your role may not make agents/).waitFor();
    assert.equal(await guest.getByRole('button', { name: 'Begin' }).count(), 0);
    await guest.goto(`${url}/settings/keys`);
    await guest.getByText('There is no such page, or not for your role').waitFor();
  });

  say('a removed member is out', async () => {
    const { page } = stage();
    await page.locator('.lines li', { hasText: GUEST.email }).getByRole('button', { name: 'Remove' }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Remove/ })
      .click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByLabel(`Role of ${GUEST.name}`).waitFor({ state: 'detached' });
    await guest.reload();
    await guest.getByRole('heading', { name: 'Sign in' }).waitFor();
    await guest.context().close();
  });

  say('an API key is shown once, works, and is dead once it is revoked', async () => {
    const { page, url, open, portray } = stage();
    await open('/settings/keys');
    await page.getByLabel('Name').fill('A nightly report');
    await page.getByLabel('May').selectOption('read');
    await page.getByRole('button', { name: 'Make it' }).click();
    const apiKey = await page.locator('.secret input').inputValue();
    const program = new Parley({ baseUrl: `${url}/api/v1`, apiKey });
    assert((await program.agents.list()).total >= 0);
    await assert.rejects(program.agents.create({ name: 'by-the-report' }), { status: 403 });
    await portray('settings-keys');
    await open('/settings/keys');
    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('button', { name: 'Revoke it' }).click();
    await page.getByText('No keys yet').waitFor();
    await assert.rejects(program.agents.list(), { status: 401 });
  });

  say('a provider’s key goes in, shows its last four letters, and is taken out', async () => {
    const { page, open, portray } = stage();
    await open('/settings/models');
    const line = page.locator('.lines li', { hasText: 'anthropic' });
    await line.getByRole('button', { name: 'Set a key' }).click();
    await line.getByRole('button', { name: 'Save' }).click();
    await line.getByText('Paste the key.').waitFor();
    await line.getByLabel('Key', { exact: true }).fill('sk-of-no-account-7Q2x');
    await portray('settings-models');
    await line.getByRole('button', { name: 'Save' }).click();
    await line.getByText(/^key ending in 7Q2x/).waitFor();
    assert(!(await page.content()).includes('sk-of-no-account'));
    await line.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Remove it' }).click();
    await line.getByText('no key').waitFor();
  });

  say('light or dark is chosen, and kept', async () => {
    const { page, open, settled, portray } = stage();
    await open('/settings/profile');
    await portray('settings-profile');
    const paper = (): Promise<string> =>
      page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    const light = await paper();
    await page.getByRole('button', { name: 'Dark', exact: true }).click();
    await waitFor('the paper to be dark', async () => (await paper()) !== light);
    const dark = await paper();
    await page.reload();
    await settled();
    await becomes('the paper is dark still', paper, dark);
    await page.getByRole('button', { name: 'Theme: dark. Switch to what your machine says.' }).click();
    await becomes('the paper is light again', paper, light);
  });

  say('a password is changed only by who knows the old one; other sessions end', async () => {
    const { page, open, api, portray, visitor, url } = stage();
    const elsewhere = await visitor();
    await elsewhere.goto(url);
    await elsewhere.getByLabel('Email').fill(PERSON.email);
    await elsewhere.getByLabel('Password').fill(PERSON.password);
    await elsewhere.keyboard.press('Enter');
    await elsewhere.getByRole('heading', { name: 'Discussions' }).waitFor();
    await open('/settings/sessions');
    await page.locator('.lines li').nth(1).waitFor();
    await page.getByText('this one').waitFor();
    await portray('settings-sessions');
    await open('/settings/profile');
    await page.getByLabel('Now').fill('not what it is at all');
    await page.getByLabel('New').fill(OTHER);
    await page.getByRole('button', { name: 'Change it' }).click();
    await page.getByRole('alert').first().waitFor();
    await page.getByLabel('Now').fill(PERSON.password);
    await page.getByRole('button', { name: 'Change it' }).click();
    await page.getByRole('status').getByText('Changed').waitFor();
    await elsewhere.reload();
    await elsewhere.getByRole('heading', { name: 'Sign in' }).waitFor();
    await elsewhere.context().close();
    await api.auth.signIn({ email: PERSON.email, password: OTHER });
  });
}
