import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Parley } from '@parley/sdk';
import type { Browser, Page } from 'playwright-core';
import { complaints, contrastComplaints } from '../axe.ts';
import { openBrowser, type RealServer, realServer, sideways, waitFor } from '../support.ts';

export const PERSON = {
  name: 'Grace Hopper',
  team: 'Harbour Lab',
  email: 'grace@example.org',
  password: 'a long walk to the harbour',
};

/** Where the pictures go: a folder that git ignores. */
const PICTURES = fileURLToPath(new URL('../../../.artifacts/screenshots/', import.meta.url));
const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

/** One server, one browser and one page, on which all stories are told one after the other. */
export type Stage = {
  readonly url: string;
  readonly page: Page;
  /** The same person through the SDK: for what a story needs to be there. */
  readonly api: Parley;
  /** What the page itself complained of. */
  readonly faults: string[];
  /** Opens a page, and waits until it has read everything. */
  open(path: string): Promise<void>;
  settled(): Promise<void>;
  /** Presses Tab until the focus is on what has this name. */
  tabTo(name: string | RegExp): Promise<void>;
  /** Takes the page's picture in light, in dark and at a phone's width; it must fit, and axe must be content. */
  portray(name: string): Promise<void>;
  /** The pictures alone: of pages that another story has looked at with axe. */
  picture(name: string): Promise<void>;
  close(): Promise<void>;
};

export async function openStage(): Promise<Stage> {
  mkdirSync(PICTURES, { recursive: true });
  const server: RealServer = await realServer();
  await server.start();
  const api = new Parley({ baseUrl: `${server.url}/api/v1` });
  await api.auth.signUp({
    ...{ email: PERSON.email, password: PERSON.password, tenant_name: PERSON.team, name: PERSON.name },
  });
  const browser: Browser = await openBrowser();
  const page = await browser.newPage({ viewport: WIDE, reducedMotion: 'reduce' });
  page.setDefaultTimeout(10_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // What the network says of a refused request is no fault of the page.
    if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) faults.push(message.text());
  });
  const settled = async (): Promise<void> => {
    await page.locator('h1').first().waitFor();
    await waitFor('everything to be read', async () => (await page.locator('.skeleton').count()) === 0);
  };
  return {
    ...{ url: server.url, page, api, faults, settled },
    async open(path) {
      await page.goto(server.url + path);
      await settled();
    },
    async tabTo(name) {
      for (let presses = 0; presses < 150; presses++) {
        await page.keyboard.press('Tab');
        const found = await page.evaluate<string>(FOCUSED);
        if (typeof name === 'string' ? found === name : name.test(found)) return;
      }
      assert.fail(`Tab does not lead to ${name}`);
    },
    portray: (name) => portray(page, name, true),
    picture: (name) => portray(page, name, false),
    async close() {
      await browser.close();
      await server.stop();
    },
  };
}

/** In the page: what a screen reader would call the focused thing, near enough. */
const FOCUSED = `(() => {
  const element = document.activeElement;
  if (!element || element === document.body) return '';
  const said = (part) => {
    const copy = part.cloneNode(true);
    for (const hidden of copy.querySelectorAll('[aria-hidden]')) hidden.remove();
    return copy.textContent.trim();
  };
  const labels = [...(element.labels ?? [])].map(said).join(' ');
  return element.getAttribute('aria-label') ?? (labels || said(element));
})()`;

async function portray(page: Page, name: string, asked: boolean): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await page.screenshot({ path: join(PICTURES, `${name}-${theme}-${WIDE.width}.png`), fullPage: true });
    if (!asked) continue;
    const found = theme === 'light' ? await complaints(page) : await contrastComplaints(page);
    assert.deepEqual(found, [], `${name} in ${theme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(PHONE);
  await page.screenshot({ path: join(PICTURES, `${name}-light-${PHONE.width}.png`), fullPage: true });
  assert.equal(await sideways(page), 0, `${name} fits a phone`);
  await page.setViewportSize({ width: 320, height: 640 });
  assert.equal(await sideways(page), 0, `${name} fits 320 pixels`);
  await page.setViewportSize(WIDE);
}
