import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { startInstallation } from '../../scripts/testing/installation.ts';
import { locateNginx } from '../../scripts/testing/nginx.ts';
import { freePort } from '../../scripts/testing/port.ts';
import { testDatabase } from '../support/database.ts';
import { HESITATES, hesitate } from '../support/hesitate.ts';
import { ofMany } from '../support/many.ts';
import '../support/uncounted.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];

/** Why the browser's stories are not told here; undefined where they are. In CI a missing browser is a failure. */
export function noBrowser(): string | undefined {
  if (process.env.CHROMIUM_PATH) return undefined;
  const inCi = !['', '0', 'false'].includes(process.env.CI ?? '');
  if (inCi) throw new Error('CI needs a Chromium: set CHROMIUM_PATH, or run this through `make test`');
  return 'NOT RUN: no Chromium (CHROMIUM_PATH; `make test` finds or installs one)';
}

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '', args: FLAGS, timeout: START_MS });

/** A page that is waited for as patiently as everything here. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(PATIENCE_MS);
  if (HESITATES)
    await page.route(/\/api\//, async (route) => {
      await hesitate();
      // The page may be gone by then.
      await route.fallback().catch(() => {});
    });
  return page;
}

/** The real server as its own process, on a port that stays the same when it is killed and started again. */
export type RealServer = {
  readonly url: string;
  start(): Promise<void>;
  /** Without a word: SIGKILL. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

/** A machine may be slow, and busy with much else: this ends what hangs, and says nothing about how fast things are. */
const PATIENCE_MS = 60_000;
const START_MS = 120_000;
const STOP_MS = 15_000;

/** `extra`: more of its environment, a provider's address, say. */
export const realServer = (extra: Record<string, string> = {}): Promise<RealServer> =>
  ofMany() ? severalServers(extra) : oneServer(extra);

/** In the leg of `make test` for many: two processes of each role behind an nginx. A kill is of all four at once. */
async function severalServers(extra: Record<string, string>): Promise<RealServer> {
  const [database, nginx] = [await testDatabase(), locateNginx()];
  const redisUrl = process.env.PARLEY_TEST_WORLD_REDIS;
  if (!nginx || !redisUrl) throw new Error('Several servers need an nginx and a Redis (PARLEY_TEST_WORLD_REDIS)');
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-e2e-'));
  const installation = await startInstallation({
    nginx,
    env: {
      ...{ PARLEY_PROFILE: 'development', SIGNUP: 'open', DATA_DIR: dataDir },
      ...{ DATABASE_URL: database.url, REDIS_URL: redisUrl, MASTER_KEY: randomBytes(32).toString('hex') },
      ...extra,
    },
  });
  return {
    url: installation.url,
    start: installation.revive,
    kill: installation.kill,
    async stop() {
      await installation.stop();
      await Promise.all([database.close(), rm(dataDir, { recursive: true, force: true })]);
    },
  };
}

async function oneServer(extra: Record<string, string>): Promise<RealServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-e2e-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...{ PATH: process.env.PATH, HOME: process.env.HOME, PARLEY_PROFILE: 'development', DATA_DIR: dataDir },
    ...{ PORT: String(port), API_PORT: '0', METRICS_PORT: '0', SIGNUP: 'open' },
    ...extra,
  };
  let running: ChildProcess | undefined;
  let said = '';
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = running;
    running = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  return {
    url,
    async start() {
      said = '';
      running = spawn(process.execPath, ['src/main.ts', 'serve'], {
        cwd: ROOT,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [running.stdout, running.stderr]) {
        stream?.on('data', (chunk) => {
          said = (said + String(chunk)).slice(-4000);
        });
      }
      await waitFor(`the server to answer`, () => isReady(url), START_MS).catch((error: Error) => {
        throw new Error(`${error.message}; it said:\n${said}`);
      });
    },
    kill: () => end('SIGKILL'),
    async stop() {
      const hard = setTimeout(() => running?.kill('SIGKILL'), STOP_MS);
      await end('SIGTERM');
      clearTimeout(hard);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/api/v1/health/ready`)).ok;
  } catch {
    return false;
  }
}

/** Asks until it is so. Only here, at the edge of the process, where nothing tells us. */
export async function waitFor(what: string, check: () => Promise<boolean>, deadlineMs = PATIENCE_MS): Promise<void> {
  const until = Date.now() + deadlineMs;
  while (!(await check())) {
    if (Date.now() > until) throw new Error(`Waited ${deadlineMs} ms in vain for ${what}`);
    await delay(LOOK_MS);
  }
}

/** Looks until it sees what is wanted. Whatever belongs together is one look: a page moves between two. */
export async function becomes<T>(what: string, look: () => Promise<T>, wanted: T): Promise<void> {
  let seen = await look();
  for (const until = Date.now() + PATIENCE_MS; !isDeepStrictEqual(seen, wanted) && Date.now() < until; ) {
    await delay(LOOK_MS);
    seen = await look();
  }
  assert.deepEqual(seen, wanted, what);
}

export const untilCount = (locator: Locator, count: number): Promise<void> =>
  becomes(`so many of ${locator}`, () => locator.count(), count);

export const untilValue = (locator: Locator, value: string): Promise<void> =>
  becomes(`the value of ${locator}`, () => locator.inputValue(), value);

/** The keyboard writes where the focus is, and a page may still be on its way there. */
export const untilFocused = (locator: Locator): Promise<void> =>
  becomes(`the focus on ${locator}`, () => locator.evaluate<boolean, Owned>(hasFocus), true);

const LOOK_MS = 50;
type Owned = { readonly ownerDocument: { readonly activeElement: unknown } };
/** In the page. */
const hasFocus = (element: Owned): boolean => element === element.ownerDocument.activeElement;

/** How far the page can be scrolled sideways, in pixels: 0, if it fits. */
export const sideways = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
