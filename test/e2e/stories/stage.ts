import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Parley } from '@parley/sdk';
import type { Browser, Page } from 'playwright-core';
import { complaints, contrastComplaints } from '../axe.ts';
import { becomes, openBrowser, openPage, type RealServer, realServer, sideways, untilCount } from '../support.ts';

export const PERSON = {
  name: 'Grace Hopper',
  team: 'Harbour Lab',
  email: 'grace@example.org',
  password: 'a long walk to the harbour',
};

/** Where the pictures go: a folder that git ignores. */
const PICTURES = fileURLToPath(new URL('../../../.artifacts/screenshots/', import.meta.url));
/** They are for people to look at; no test does. */
const ASKED_FOR = Boolean(process.env.PARLEY_TEST_PICTURES);
const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const SMALLEST = { width: 320, height: 640 };
const LARGEST = { width: 2560, height: 1440 };
/** A picture is not to be higher than this. */
const TALLEST = 6_000;

/** A story that hangs is ended; so is the whole suite. */
export const STORY_MS = 300_000;
export const STORIES_MS = 1_500_000;

export type Say = (name: string, part: () => Promise<void>) => void;

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
  /** Through the form, as everybody does. */
  signIn(): Promise<void>;
  /** These agents, as a discussion takes them. */
  seat(...names: string[]): Promise<{ agent_id: string }[]>;
  settled(): Promise<void>;
  /** Presses Tab until the focus is on what has this name. */
  tabTo(name: string | RegExp): Promise<void>;
  /** The page must fit, and axe be content, in light and in dark. Pictures of both and at a phone's width, if asked for. */
  portray(name: string): Promise<void>;
  /** The same, and pictures at 320 and 2,560 pixels, too. */
  portrayAt(name: string): Promise<void>;
  /** The pictures alone: of pages that another story has looked at with axe. */
  picture(name: string): Promise<void>;
  /** Somebody else's browser, in which nobody is signed in. */
  visitor(): Promise<Page>;
  close(): Promise<void>;
};

export async function openStage(env: Record<string, string> = {}): Promise<Stage> {
  mkdirSync(PICTURES, { recursive: true });
  const server: RealServer = await realServer(env);
  await server.start();
  const api = new Parley({ baseUrl: `${server.url}/api/v1` });
  await api.auth.signUp({
    ...{ email: PERSON.email, password: PERSON.password, tenant_name: PERSON.team, name: PERSON.name },
  });
  // Whatever model this machine may have: the stories are told by the rehearsal.
  await api.models.setDefault('rehearsal');
  const browser: Browser = await openBrowser();
  const page = await openPage(browser, { viewport: WIDE, reducedMotion: 'reduce' });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // What the network says of a refused request is no fault of the page.
    if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) faults.push(message.text());
  });
  const settled = async (): Promise<void> => {
    await page.locator('h1').first().waitFor();
    await untilCount(page.locator('.waiting, .skeleton'), 0);
  };
  return {
    ...{ url: server.url, page, api, faults, settled },
    async open(path) {
      await page.goto(server.url + path);
      await settled();
    },
    async signIn() {
      await page.goto(server.url);
      await page.getByLabel('Email').fill(PERSON.email);
      await page.getByLabel('Password').fill(PERSON.password);
      await page.keyboard.press('Enter');
      await page.getByRole('navigation', { name: 'Main' }).waitFor();
      await settled();
    },
    async seat(...names) {
      const { items } = await api.agents.list({ page_size: 100 });
      return names.map((name) => ({ agent_id: items.find((agent) => agent.name === name)?.id ?? name }));
    },
    async tabTo(name) {
      for (let presses = 0; presses < 150; presses++) {
        await page.keyboard.press('Tab');
        const found = await page.evaluate<string>(FOCUSED);
        if (typeof name === 'string' ? found === name : name.test(found)) return;
      }
      assert.fail(`Tab does not lead to ${name}`);
    },
    portray: (name) => portray(page, name, { asked: true, widths: [] }),
    portrayAt: (name) => portray(page, name, { asked: true, widths: [SMALLEST, LARGEST] }),
    picture: (name) => portray(page, name, { asked: false, widths: [] }),
    visitor: () => openPage(browser, { viewport: WIDE, reducedMotion: 'reduce' }),
    async close() {
      await browser.close();
      await server.stop();
    },
  };
}

export const untilStatus = (page: Page, wanted: string): Promise<void> =>
  page.locator(`.arena[data-status="${wanted}"]`).waitFor();

/** So that a phone's picture shows what is said, and not the panel over it. */
export const closePanel = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Hide the panel' }).click();
  await page.locator('.panel').waitFor({ state: 'detached' });
};

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

type View = { width: number; height: number };

/** As much of the page as there is, not only what a screen holds; what sticks to an edge is at the edge. */
async function shoot(page: Page, file: string, { width, height }: View): Promise<void> {
  await page.setViewportSize({ width, height });
  const whole = await page.evaluate<number>('document.documentElement.scrollHeight');
  if (whole > height) await page.setViewportSize({ width, height: Math.min(whole, TALLEST) });
  await page.evaluate('scrollTo(0, 0)');
  if (ASKED_FOR) await page.screenshot({ path: join(PICTURES, `${file}-${width}.png`) });
}

async function portray(page: Page, name: string, { asked, widths }: { asked: boolean; widths: View[] }): Promise<void> {
  for (const theme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await shoot(page, `${name}-${theme}`, WIDE);
    if (!asked) continue;
    const found = theme === 'light' ? await complaints(page) : await contrastComplaints(page);
    assert.deepEqual(found, [], `${name} in ${theme}`);
  }
  if (ASKED_FOR) for (const view of [PHONE, ...widths]) await shoot(page, `${name}-light`, view);
  for (const view of [PHONE, SMALLEST, LARGEST]) {
    await page.setViewportSize(view);
    await becomes(`${name} fits ${view.width} pixels`, () => sideways(page), 0);
  }
  await page.setViewportSize(WIDE);
}
