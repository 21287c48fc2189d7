/**
 * `make cluster`: Parley as many processes on this machine: a PostgreSQL and a Redis of its own, api × 2 and worker × 2, and
 * an nginx in front. Prints where, and goes on until Ctrl-C; or runs something against it and ends as that ends:
 *
 *     make cluster DO=examples         every example, one after the other
 *     make cluster DO=orders           one of them
 *     make cluster DO=orders FLUSH=2   the same, while Redis is emptied every two seconds
 *     make cluster DO='npm run x'      a command, which is told where by PARLEY_CLUSTER_URL
 *
 * Whoever of the four is killed is started again. Nothing is left behind.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { testServer } from '../test/support/server.ts';
import { node } from './lib/run.ts';
import { print, root, say } from './lib/say.ts';
import { type Installation, startInstallation } from './testing/installation.ts';
import { findNginx } from './testing/nginx.ts';
import { findServer, startServer } from './testing/own-server.ts';
import { findRedis, startRedis } from './testing/redis.ts';

const { DO = '', FLUSH = '' } = process.env;
const flushMs = Number(FLUSH || '0') * 1000;
if (!(flushMs >= 0)) refuse(`FLUSH is a number of seconds, not "${FLUSH}"`);
const files = { redis: findRedis(), nginx: findNginx() };
if (!files.redis || !files.nginx) refuse('a cluster needs redis-server and nginx on this machine');
const home = mkdtempSync(path.join(tmpdir(), 'parley-cluster-'));
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

await using cleaning = new AsyncDisposableStack();
cleaning.defer(() => rmSync(home, { recursive: true, force: true }));
const redis = await startRedis(files.redis);
cleaning.defer(() => redis.stop());
const databaseUrl = await startDatabase();
const list = path.join(home, 'processes.json');
let installation: Installation | undefined;
const started = await startInstallation({
  nginx: files.nginx,
  env: {
    ...modelSettings(),
    ...{ DATABASE_URL: databaseUrl, REDIS_URL: redis.url, DATA_DIR: path.join(home, 'data') },
    ...{ PARLEY_PROFILE: 'development', SIGNUP: 'open', MASTER_KEY: randomBytes(32).toString('hex') },
  },
  onChange: () => tell(),
});
installation = started;
cleaning.defer(() => started.stop());
tell();
print(`Parley, api × 2 and worker × 2: ${started.url}`);
print(`  DATABASE_URL=${databaseUrl}`);
print(`  REDIS_URL=${redis.url}`);
for (const { role, pid } of started.processes()) print(`  ${role.padEnd(6)} ${pid}`);
const flushing = flushMs > 0 ? flushEvery(flushMs) : undefined;
process.exitCode = DO === '' ? await untilInterrupted() : await runThere(DO);
await flushing?.();

/** A word is an example, or all of them; anything else a command. */
async function runThere(what: string): Promise<number> {
  const isExample = existsSync(path.join(root, 'examples', what, 'main.ts'));
  const words: [string, ...string[]] =
    what === 'examples' || isExample
      ? node('scripts/example.ts', what === 'examples' ? 'all' : what)
      : ['/bin/sh', '-c', what];
  const [command, ...args] = words;
  const child = spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PARLEY_CLUSTER_URL: started.url, PARLEY_CLUSTER_PROCESSES: list },
  });
  interrupted.signal.addEventListener('abort', () => child.kill('SIGTERM'));
  const [code] = await once(child, 'close');
  return (code as number | null) ?? 1;
}

async function untilInterrupted(): Promise<number> {
  print('Ctrl-C stops it.');
  if (!interrupted.signal.aborted) await once(interrupted.signal, 'abort');
  return 0;
}

/** Empties Redis again and again. Answers how to stop, which says how often it did. */
function flushEvery(ms: number): () => Promise<void> {
  const client = new Redis(redis.url);
  let flushes = 0;
  const timer = setInterval(() => {
    flushes += 1;
    client.flushall().catch((error: Error) => say(`Redis could not be flushed: ${error.message}`));
  }, ms);
  return async () => {
    clearInterval(timer);
    await client.quit();
    print(`Redis was emptied ${flushes} times meanwhile.`);
  };
}

/** The machine's PostgreSQL, where there is one, else the packaged one. */
async function startDatabase(): Promise<string> {
  const folder = findServer();
  const packaged = folder ? undefined : testServer(path.join(home, 'postgres'));
  await packaged?.start();
  const own = folder ? await startServer(folder) : undefined;
  cleaning.defer(() => own?.stop() ?? packaged?.stop(10_000));
  const admin = own?.url ?? packaged?.adminUrl ?? '';
  const client = new pg.Client(admin);
  await client.connect();
  await client.query('create database parley');
  await client.end();
  const url = new URL(admin);
  url.pathname = '/parley';
  return url.href;
}

/** Who runs at this moment, for whoever wants to kill one. */
function tell(): void {
  const draft = `${list}.new`;
  writeFileSync(draft, JSON.stringify(installation?.processes() ?? []));
  renameSync(draft, list);
}

/** Models are found where this machine's environment says. */
function modelSettings(): Record<string, string> {
  const names = Object.entries(process.env).filter(([name]) => /^(OPENAI|ANTHROPIC|GOOGLE)_/.test(name));
  return Object.fromEntries(names.flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

function refuse(why: string): never {
  say(why);
  process.exit(78);
}
