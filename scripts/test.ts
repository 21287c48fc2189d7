/**
 * `make test`: starts what the tests need, runs them, and ends with lines that say what was run and what was not.
 *
 * Two legs: everything, on the packaged PostgreSQL, with coverage; then what keeps something in a database once more, on
 * a server such as DATABASE_URL names, with a Redis. `make test T=src/modules/agents` narrows to one leg of those files, without the
 * threshold. In CI nothing may be missing; on a laptop what is missing is said aloud.
 *
 * `make test LEG=cluster` is a third leg, by itself: what starts a server once more, where every server is two of the role api
 * behind an nginx and two of the role worker (`T` narrows it, too).
 *
 * `make test STARVED=1` looks for tests that are right only on a machine that is quick: clients, providers and pages now and
 * then hesitate, and every process is stopped for a moment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { testServer } from '../test/support/server.ts';
import { node, run } from './lib/run.ts';
import { print, root, say } from './lib/say.ts';
import { findChromium, versionOf } from './testing/chromium.ts';
import { runFolder } from './testing/folder.ts';
import { findNginx } from './testing/nginx.ts';
import { findServer, startServer } from './testing/own-server.ts';
import { pauses } from './testing/pauses.ts';
import { plan } from './testing/plan.ts';
import { findRedis, redisVersion, startRedis } from './testing/redis.ts';
import type { Order } from './testing/runner.ts';
import type { Summary } from './testing/summary.ts';
import { wantsDatabase, wantsServers } from './testing/wants-database.ts';

const LINES = 90;
const FOLDERS = ['src', 'test', 'sdk/typescript', 'console', 'scripts', 'bench', 'examples'];
const SLOWEST = 5;
/** How often somebody hesitates where the machine is as if starved. */
const HESITATE = '0.15';
/** Every process of the run finds the server's code compiled; coverage counts the same lines with it. */
const COMPILED = path.join(root, '.runtime/compiled-for-tests');

const inCi = !['', '0', 'false'].includes(process.env.CI ?? '');
const chosen = process.argv.slice(2).map((place) => path.relative(root, path.resolve(place)));
const temporary = runFolder();
// For our own servers, and for all that the tests start.
process.env.TMPDIR = temporary;
const closing: string[] = [];
let failed = false;
let stopped = false;
let running: ChildProcess | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    failed = stopped = true;
    running?.kill(signal);
  });

const files = FOLDERS.flatMap((folder) =>
  globSync(`${folder}/**/*.test.{ts,tsx}`, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] }),
)
  .filter((file) => chosen.length === 0 || chosen.some((place) => `${file}/`.startsWith(`${place}/`)))
  .sort();
if (files.length === 0) {
  say(`no test file under ${chosen.join(', ')}`);
  process.exit(64);
}

const { LEG = '', STARVED = '' } = process.env;
if (LEG !== '' && LEG !== 'cluster') {
  say(`there is no leg "${LEG}": LEG=cluster, or none`);
  process.exit(64);
}

if (STARVED !== '' && process.platform !== 'linux') {
  say('STARVED needs Linux: processes are found in /proc');
  process.exit(64);
}

const redis = await startedRedis();
try {
  if (LEG === 'cluster') await clusterLeg();
  else {
    await firstLeg();
    if (chosen.length === 0 && !stopped) await secondLeg();
  }
} finally {
  await redis?.stop();
  rmSync(temporary, { recursive: true, force: true });
}
for (const line of closing) print(line);
print(failed ? 'make test: FAILED' : 'make test: passed');
process.exitCode = failed ? 1 : 0;

async function firstLeg(): Promise<void> {
  const env = await browserFor(files);
  if (failed) return;
  const given = process.env.PARLEY_TEST_DATABASE;
  if (given) return leg('on PARLEY_TEST_DATABASE', files, env);
  const server = testServer(temporary, (error) => fail(`the test server was lost: ${error.message}`));
  try {
    if (files.some((file) => wantsDatabase(file))) await server.start();
    await leg('on the packaged PostgreSQL', files, { ...env, PARLEY_TEST_DATABASE: server.adminUrl });
  } finally {
    await server.stop(10_000);
  }
}

async function clusterLeg(): Promise<void> {
  const these = files.filter((file) => wantsServers(file) && !isChaos(file));
  const env = await browserFor(these);
  const redisUrl = redis?.url ?? process.env.PARLEY_TEST_REDIS;
  if (!redisUrl || !findNginx()) fail('LEG=cluster needs redis-server and nginx');
  if (failed || !redisUrl) return;
  const folder = findServer();
  const packaged = folder ? undefined : testServer(temporary, (error) => fail(`the test server was lost: ${error}`));
  await packaged?.start();
  const own = folder ? await startServer(folder) : undefined;
  try {
    await leg('on api × 2 and worker × 2 behind an nginx', these, {
      ...env,
      ...{ PARLEY_TEST_DATABASE: own?.url ?? packaged?.adminUrl ?? '', PARLEY_TEST_WORLD: 'many' },
      PARLEY_TEST_WORLD_REDIS: redisUrl,
    });
  } finally {
    await (own?.stop() ?? packaged?.stop(10_000));
  }
}

async function secondLeg(): Promise<void> {
  const folder = findServer();
  if (!folder)
    return missing('PostgreSQL 15 or newer of the machine', 'the tests of the database ran on the packaged one only');
  const server = await startServer(folder);
  try {
    const again = files.filter((file) => !isEndToEnd(file) && !isChaos(file) && wantsDatabase(file));
    await leg(`on PostgreSQL ${server.version} over TCP${redis ? ', with Redis' : ''}`, again, {
      PARLEY_TEST_DATABASE: server.url,
      // Every server that a test runs in its process is now one of many, as far as it knows.
      ...(redis && { PARLEY_TEST_WORLD_REDIS: redis.url }),
    });
  } finally {
    await server.stop();
  }
}

/** Runs test files as planned. Only the whole first leg is held to the threshold. */
async function leg(where: string, these: readonly string[], env: Record<string, string>): Promise<void> {
  const folder = mkdtempSync(path.join(temporary, 'leg-'));
  const [orderFile, summaryFile] = [path.join(folder, 'order.json'), path.join(folder, 'summary.json')];
  const measured = chosen.length === 0 && these === files;
  const starts = plan(these, folder).map((start) => start.path);
  const order: Order = { files: starts, summaryFile, ...(measured && { lines: LINES }) };
  writeFileSync(orderFile, JSON.stringify(order));
  const since = performance.now();
  const [command, ...args] = node('scripts/testing/runner.ts', orderFile);
  running = spawn(command, args, {
    cwd: root,
    env: {
      NODE_COMPILE_CACHE: COMPILED,
      // Whoever asks for the stories wants to see the pages; otherwise nobody looks.
      ...(chosen.length > 0 && { PARLEY_TEST_PICTURES: '1' }),
      ...process.env,
      ...(redis && { PARLEY_TEST_REDIS: redis.url }),
      ...(STARVED !== '' && { PARLEY_TEST_HESITATE: HESITATE }),
      ...env,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const endPauses = STARVED === '' ? undefined : pauses();
  const [code] = await once(running, 'close');
  endPauses?.();
  running = undefined;
  const seconds = ((performance.now() - since) / 1000).toFixed(0);
  const { passed, failed: broken, skipped, lines, took } = JSON.parse(readFileSync(summaryFile, 'utf8')) as Summary;
  const counts = [`${passed} passed`, `${broken} failed`, `${skipped.length} skipped`, `${seconds} s`];
  if (lines !== undefined) counts.push(`${lines.toFixed(1)} % of lines (at least ${LINES})`);
  closing.push(`${where}: ${these.length} files, ${counts.join(', ')}`, ...skipped.map((name) => `  skipped: ${name}`));
  const slowest = Object.entries(took).filter(([file]) => these.includes(file));
  for (const [file, ms] of slowest.sort(([, a], [, b]) => b - a).slice(0, SLOWEST))
    closing.push(`  slowest: ${file}, ${(ms / 1000).toFixed(0)} s`);
  if (code !== 0 || broken > 0) failed = true;
}

/** One Redis for the whole run; test files keep apart by a prefix of their keys. */
async function startedRedis() {
  if (process.env.PARLEY_TEST_REDIS) return undefined;
  const file = findRedis();
  if (!file) {
    missing('redis-server', 'what several processes share was not tested');
    return undefined;
  }
  say(`tests of several processes on Redis ${redisVersion(file)}`);
  return startRedis(file);
}

/** End-to-end tests read CHROMIUM_PATH, and drive the console as it is built. */
async function browserFor(these: readonly string[]): Promise<Record<string, string>> {
  if (!these.some(isEndToEnd)) return {};
  const built = await run(node('scripts/console.ts'));
  if (built.code !== 0) fail(`the console could not be built:\n${built.output}`);
  if (!findNginx()) missing('nginx', 'several api processes behind one door were not tested');
  const chromium = findChromium();
  if (chromium) {
    say(`end-to-end tests in ${versionOf(chromium)}`);
    return { CHROMIUM_PATH: chromium };
  }
  missing('Chromium (CHROMIUM_PATH)', 'the end-to-end tests in a browser were skipped');
  return { CHROMIUM_PATH: '' };
}

function isEndToEnd(file: string): boolean {
  return file.startsWith(path.join('test', 'e2e'));
}

/** It brings its own servers, one and many, whatever the leg. */
function isChaos(file: string): boolean {
  return file.startsWith(path.join('test', 'chaos'));
}

function missing(what: string, effect: string): void {
  if (inCi) fail(`CI needs ${what}`);
  else closing.push(`  NOT RUN: there is no ${what}; ${effect}.`);
}

function fail(why: string): void {
  failed = true;
  closing.push(`  FAILED: ${why}`);
  running?.kill('SIGTERM');
}
