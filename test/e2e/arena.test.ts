import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Parley } from '@parley/sdk';
import type { Browser, Page } from 'playwright-core';
import { complaints } from './axe.ts';
import {
  becomes,
  noBrowser,
  openBrowser,
  openPage,
  type RealServer,
  realServer,
  untilCount,
  untilFocused,
  untilValue,
  waitFor,
} from './support.ts';

const skip = noBrowser();
const PERSON = {
  name: 'Grace Hopper',
  team: 'Harbour Lab',
  email: 'grace@example.org',
  password: 'a long walk to the harbour',
};
const FACTS = `The billing service is eight years old and has four percent test coverage.
In March it charged 312 customers twice after a retry storm.
Moving all of it to events would take eleven weeks.
A strangler in front of the payment path alone would take four weeks.
Two engineers know the service, and both are on the audit until June.`;

const STORY = 'one story in a real browser, through the real server';
// As a test of its own, so that it is counted.
if (skip !== undefined) test(STORY, { skip });
else suite(STORY, { timeout: 1_500_000 }, story);

function story(): void {
  let server: RealServer;
  let browser: Browser;
  let page: Page;
  let parley: Parley;
  const faults: string[] = [];
  const say = (name: string, part: () => Promise<void>): void => void test(name, { timeout: 300_000 }, part);

  before(async () => {
    server = await realServer();
    await server.start();
    browser = await openBrowser();
    page = await openPage(browser, { viewport: { width: 1440, height: 900 } });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      // What the network says of a server that was killed is no fault of the page.
      if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text()))
        faults.push(message.text());
    });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const seqs = (): Promise<number[]> =>
    page.$$eval('[data-seq]', (items) => items.map((item) => Number(item.getAttribute('data-seq'))));
  const live = async (): Promise<string> => (await page.locator('[data-live] .prose').allInnerTexts()).join('');
  const status = (): Promise<string | null> => page.locator('.arena').getAttribute('data-status');
  const untilStatus = (wanted: string): Promise<void> => becomes('the discussion', status, wanted);
  /** Of what is drawn, which need not be all: it says which message is the last. */
  const unbroken = async (): Promise<number> => {
    const list = await seqs();
    const first = list[0] ?? 1;
    assert.deepEqual(
      list,
      list.map((_, i) => first + i),
      'every message once, in order, without a hole',
    );
    return list.at(-1) ?? 0;
  };
  /** What is spoken now, from its first words on; then more of the same. */
  const growing = async (): Promise<void> => {
    await waitFor('somebody to speak', async () => (await live()).length > 10);
    const first = (await live()).trim();
    await waitFor('more words, or the whole message', async () => {
      const now = (await live()).trim();
      return now !== first;
    });
  };

  say('a person signs up', async () => {
    await page.goto(server.url);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByRole('link', { name: 'Make an account' }).click();
    await page.getByLabel('Your name').fill(PERSON.name);
    await page.getByLabel('Team').fill(PERSON.team);
    await page.getByLabel('Email').fill(PERSON.email);
    await page.getByLabel('Password').fill('short');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByText('5 more characters.').waitFor();
    await page.getByLabel('Password').fill(PERSON.password);
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByRole('heading', { name: 'The table is free' }).waitFor();
    assert.equal(new URL(page.url()).pathname, '/discussions');
    // Whatever model this machine may have: the story is told by the rehearsal.
    parley = new Parley({ baseUrl: `${server.url}/api/v1` });
    await parley.auth.signIn({ email: PERSON.email, password: PERSON.password });
    await parley.models.setDefault('rehearsal');
  });

  say('makes agents: three at a stroke, and one by hand, checked while typing', async () => {
    await page.getByRole('link', { name: 'Agents' }).click();
    await page.getByRole('button', { name: 'Start with three voices' }).click();
    await page.getByRole('link', { name: /bruno/ }).waitFor();
    await page.getByRole('link', { name: 'New agent' }).click();
    await page.getByLabel('Name').fill('Dora');
    await page.getByText('Lower case only.').waitFor();
    await page.getByLabel('Name').fill('ada');
    await page.getByLabel('Instructions').fill('You are Dora, who pays. You ask what it is worth.');
    await page.getByRole('button', { name: 'Make the agent' }).click();
    await page.getByRole('alert').getByText('ada').waitFor();
    await page.getByLabel('Name').fill('dora');
    await page.getByRole('button', { name: 'Make the agent' }).click();
    await page.getByRole('heading', { name: 'dora', exact: true }).waitFor();
    await page.getByLabel('Ask something').fill('What is it worth?');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.locator('.answer .facts').waitFor();
    await page.locator('.answer', { hasText: 'rehearsal' }).waitFor();
  });

  say('keeps a document, and finds a word in it', async () => {
    await page.getByRole('link', { name: 'Documents' }).click();
    await page.getByRole('link', { name: 'Add a document' }).first().click();
    await page.getByLabel('Title').fill('Billing facts');
    await page.getByLabel('Text', { exact: true }).fill(FACTS);
    await page.getByRole('button', { name: 'Add it' }).click();
    await page.getByRole('heading', { name: 'Billing facts' }).waitFor();
    await page.getByRole('link', { name: 'Documents' }).first().click();
    await page.getByLabel('Search in titles and texts').fill('strangler');
    await page.locator('mark', { hasText: 'strangler' }).waitFor();
  });

  say('starts a discussion over it, and watches it being spoken', async () => {
    await page.getByRole('link', { name: /Billing facts/ }).click();
    await page.getByRole('link', { name: 'Discuss it' }).click();
    await page.getByLabel('The question').fill('Do we move billing to events, or put a strangler before the payments?');
    await page.locator('.seat-list', { hasText: 'Billing facts' }).waitFor();
    for (const name of ['ada', 'bruno']) await page.getByRole('button', { name, exact: true }).click();
    await page.getByLabel('Turns').fill('200');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.locator('.stage').waitFor();
    await growing();
    // Between two turns it names nobody.
    await page.locator('.turn-line', { hasText: /ada|bruno/ }).waitFor();
    await waitFor('two messages', async () => (await unbroken()) >= 2);
    assert.match(await page.locator('[data-seq="1"]').innerText(), /rehearsal/);
    await unbroken();
  });

  say('reloads, and is where she was, in the middle of a sentence', async () => {
    await waitFor('somebody to speak', async () => (await live()).length > 40);
    const [address, heard, before] = [page.url(), (await live()).trim(), await unbroken()];
    await page.reload();
    await page.locator('.stage').waitFor();
    assert.equal(page.url(), address);
    await waitFor('what was heard', async () => (await page.locator('.talk').innerText()).includes(heard.slice(0, 30)));
    await waitFor('every message', async () => (await unbroken()) >= before);
    await growing();
  });

  say('interjects, and is heard', async () => {
    await page.keyboard.press('c');
    await page.keyboard.type('What would it cost to do nothing until June?');
    await page.keyboard.press('Enter');
    const mine = page.locator('.said-user', { hasText: 'do nothing until June' });
    await mine.filter({ hasText: 'Grace Hopper' }).waitFor();
    // It may come by the stream before its own answer has.
    await untilValue(page.getByLabel('Your message'), '');
    const at = Number(await mine.getAttribute('data-seq'));
    await waitFor('somebody to go on', async () => (await seqs()).some((seq) => seq > at));
    await unbroken();
  });

  say('loses the server to a kill -9, and the page recovers without a hole', async () => {
    await waitFor('somebody to speak', async () => (await live()).length > 10);
    await server.kill();
    await page.locator('.connection-lost', { hasText: 'Reconnecting' }).waitFor();
    const before = await unbroken();
    await server.start();
    await page.locator('.connection-lost').waitFor({ state: 'detached' });
    await waitFor('two more messages', async () => (await unbroken()) >= before + 2);
    await unbroken();
    await growing();
  });

  say('pauses, resumes and ends it', async () => {
    await page.getByRole('button', { name: 'Pause' }).click();
    await untilStatus('paused');
    await untilCount(page.locator('[data-live]'), 0);
    // That it pauses is known from the answer; the words before come by the stream.
    const kept = await parley.discussions.messages(new URL(page.url()).pathname.split('/').at(-1) ?? '').toArray();
    await becomes('the last message', unbroken, kept.length);
    await page.reload();
    await untilStatus('paused');
    await becomes('the last message', unbroken, kept.length);
    await page.keyboard.press('p');
    await untilStatus('running');
    await growing();
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: /^Cancel the discussion/ }).click();
    await page.getByRole('button', { name: 'End it' }).click();
    await untilStatus('cancelled');
    await page.getByText('The discussion was cancelled').waitFor();
    await untilCount(page.getByLabel('Your message'), 0);
    await unbroken();
  });

  say('sits at the table herself: is asked, answers, passes, and hears the end', async () => {
    await page.goto(`${server.url}/discussions/new`);
    await page.getByLabel('The question').fill('Who tells the customers?');
    await page.getByRole('button', { name: 'ada', exact: true }).click();
    await page.getByRole('button', { name: PERSON.name, exact: true }).click();
    await page.getByText('Ada and you will speak in turn, for at most 12 turns.').waitFor();
    await page.getByLabel('Turns').fill('5');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByText('It is your turn.').waitFor();
    await page.locator('.turn-line', { hasText: /Turn 2.*Waiting for Grace Hopper.*after ada/s }).waitFor();
    await untilFocused(page.getByLabel('Your message'));
    await page.keyboard.type('I do, on Monday.');
    await page.keyboard.press('Enter');
    await page.locator('.said-user', { hasText: 'on Monday' }).getByText('turn 2').waitFor();
    await page.getByRole('button', { name: 'Pass' }).click();
    await untilStatus('completed');
    await page.getByText('The discussion is over: all its turns are taken.').waitFor();
    await becomes('the last message', unbroken, 4);
    await page.getByRole('tab', { name: 'Turns' }).click();
    await page.locator('.turn-skipped', { hasText: 'Grace Hopper' }).getByText('skipped').waitFor();
  });

  say('signs out, and stays out', async () => {
    await page.goto(`${server.url}/agents`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.deepEqual(await complaints(page), []);
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('Email').fill(PERSON.email);
    await page.getByLabel('Password').fill('not my password at all');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The email or the password is wrong.').waitFor();
    await page.getByLabel('Password').fill(PERSON.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Agents' }).waitFor();
    assert.deepEqual(faults, [], 'the page itself had no fault');
  });
}
