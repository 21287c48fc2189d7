import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { findRedis, startRedis } from '../../scripts/testing/redis.ts';
import { createEmbedded } from '../../src/platform/db/embedded.ts';
import { migrateUp } from '../../src/platform/db/migrate.ts';
import { readMigrations } from '../../src/platform/db/migrations.ts';
import { percentiles } from '../support/load.ts';
import { dataDir, removeDir } from '../support/server.ts';
import { atMost } from '../support/targets.ts';

const JOBS = 300;
const KILLS = 12;
const WORKERS = 2;
const CALM_MS = 1_400;
/** Who has not done everything so long after the last kill does not come back by himself. */
const PATIENCE_MS = 45_000;

const PEERS = 'bench/peers/kills';
/** The same jobs, the same kills; and what was set up so that it comes back as quickly as it can. */
const SIDES: Readonly<Record<string, { script: string; settings: string }>> = {
  parley: { script: 'bench/support/jobs.ts', settings: 'nothing' },
  bullmq: {
    script: `${PEERS}/bullmq.js`,
    settings: 'locks of 2 s, looked at each second, 10 stalls (default 30 s, 30 s, 1)',
  },
  'pg-boss': { script: `${PEERS}/pg-boss.js`, settings: 'expiry of 3 s, supervised each second (default 15 min)' },
  'graphile-worker': {
    script: `${PEERS}/graphile-worker.js`,
    settings: "nothing to set: a dead worker's jobs stay locked for four hours",
  },
};

/**
 * Two workers with four hands each, 300 jobs of half a second, `kill -9` of one worker or the other every 1.4 s, twelve
 * times; it is started again at once. A job's effect is a row in PostgreSQL, 50 ms before the queue hears that it is done.
 * Not done: no effect 45 s after the last kill. Doubled: two effects. Back: from a job's interrupted begin to its next one.
 */
export async function run(): Promise<Record<string, unknown>> {
  if (!existsSync(`${PEERS}/node_modules`))
    execFileSync('npm', ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund'], {
      cwd: PEERS,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const results: Record<string, Side> = {};
  for (const [name, { script, settings }] of Object.entries(SIDES))
    results[name] = { version: versionOf(name), settings, ...(await side(name, script)) };
  const ours = results.parley as Side;
  return {
    ...{ jobs: JOBS, kills: KILLS, workers: WORKERS, patience_s: PATIENCE_MS / 1_000 },
    sides: results,
    targets: [
      atMost(`of ${JOBS} jobs not done after ${KILLS} kills`, ours.not_done, 0),
      atMost('done twice', ours.doubled, 0),
      atMost('an interrupted job begins again, p95', ours.back?.p95Ms ?? null, 3_000, 'ms'),
    ],
  };
}

type Side = { version: string; settings: string } & Awaited<ReturnType<typeof side>>;

/** What was measured, as it says of itself. */
function versionOf(name: string): string {
  const file = name === 'parley' ? 'package.json' : `${PEERS}/node_modules/${name}/package.json`;
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

async function side(name: string, script: string) {
  const dir = dataDir();
  const postgres = createEmbedded({ dataDir: dir });
  const redisFile = findRedis();
  if (redisFile === undefined) throw new Error('The kill table needs a redis-server');
  await postgres.start();
  const redis = await startRedis(redisFile);
  const client = new pg.Client({ connectionString: postgres.url });
  const workers: ChildProcess[] = [];
  const env = {
    ...{ ...process.env, DATABASE_URL: postgres.url },
    ...{ PEER_DATABASE_URL: postgres.url, PEER_REDIS_URL: redis.url },
  };
  const open = (...args: string[]) =>
    spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], { env, stdio: 'ignore' });
  try {
    await client.connect();
    if (name === 'parley') await migrateUp({ url: postgres.url, migrations: await readMigrations('migrations') });
    await client.query('create table begun (job int, at timestamptz); create table ledger (job int, at timestamptz)');
    await client.query('grant all on begun, ledger to public');
    const [code] = await once(open('enqueue', `${JOBS}`), 'exit');
    if (code !== 0) throw new Error(`${name} could not enqueue`);
    for (let n = 0; n < WORKERS; n += 1) workers.push(open('work'));
    await begun(client);
    for (let kill = 0; kill < KILLS; kill += 1) {
      await delay(CALM_MS);
      const n = kill % WORKERS;
      workers[n]?.kill('SIGKILL');
      workers[n] = open('work');
    }
    const killedAt = performance.now();
    const doneMs = await done(client, killedAt);
    return { ...(await judged(client)), done_ms_after_last_kill: doneMs };
  } finally {
    for (const worker of workers) worker.kill('SIGKILL');
    await client.end();
    await Promise.all([redis.stop(), postgres.stop(10_000)]);
    removeDir(dir);
  }
}

async function begun(client: pg.Client): Promise<void> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await delay(50))
    if ((await client.query('select from begun limit 1')).rowCount === 1) return;
  throw new Error('No job was begun within 30 s');
}

async function done(client: pg.Client, sinceMs: number): Promise<number | null> {
  for (; performance.now() - sinceMs < PATIENCE_MS; await delay(100)) {
    const { rows } = await client.query<{ jobs: string }>('select count(distinct job) as jobs from ledger');
    if (Number(rows[0]?.jobs) === JOBS) return Math.round(performance.now() - sinceMs);
  }
  return null;
}

async function judged(client: pg.Client) {
  const { rows } = await client.query<{ job: number; effects: string }>(
    'select job, count(*) as effects from ledger group by job',
  );
  const { rows: again } = await client.query<{ back_ms: number }>(
    `select extract(epoch from next - at) * 1000 as back_ms
       from (select at, lead(at) over (partition by job order by at) as next from begun) b where next is not null`,
  );
  return {
    not_done: JOBS - rows.length,
    doubled: rows.filter(({ effects }) => Number(effects) > 1).length,
    interrupted_and_begun_again: again.length,
    back: again.length > 0 ? percentiles(again.map(({ back_ms }) => Number(back_ms))) : null,
  };
}
