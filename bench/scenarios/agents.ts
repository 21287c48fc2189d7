import { spawn } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { drive, type Load, type Measured, median, saturate } from '../support/load.ts';
import { startPostgres } from '../support/postgres.ts';
import { cpuSeconds } from '../support/process.ts';
import { installPython } from '../support/python.ts';
import { call, dataDir, freePort, removeDir, startServer, stop } from '../support/server.ts';
import { atMost } from '../support/targets.ts';

const RATE = 400;
const SECONDS = 5;
const ROUNDS = 3;

type Agent = { id: string; [field: string]: unknown };
type Side = { name: string; pid: number; load: Pick<Load, 'origin' | 'path' | 'headers'> };
type Round = { paced: Measured; pacedCpuUs: number; saturatedCpuUs: number; saturatedRate: number; failed: number };

/**
 * `GET /agents/{id}`: authenticated, logged, metered, read from PostgreSQL. Both servers on the same database server, in
 * turn (A B A B …): at the same paced rate for the latency, then at saturation for the CPU time of the server process a
 * request (at a low rate a request pays for a wake-up of its own, which is the machine's price and not the server's).
 */
export async function run(): Promise<Record<string, unknown>> {
  const dir = dataDir();
  const database = await startPostgres(dir);
  const server = await startServer(dir, {
    DATABASE_URL: database.url,
    REQUESTS_PER_MINUTE: '100000000',
  });
  try {
    const { items } = await call<{ items: Agent[] }>(server.demo, 'GET', '/agents?page_size=1');
    const agent = items[0] as Agent;
    const token = await accessToken(server.demo);
    const ours: Side = {
      name: 'parley',
      pid: server.pid,
      load: {
        origin: server.demo.url,
        path: `/api/v1/agents/${agent.id}`,
        headers: { authorization: `Bearer ${token}` },
      },
    };
    const peer = await startFastapi(database.url, agent, dir);
    try {
      return { agent_bytes: JSON.stringify(agent).length, rate: RATE, ...(await compare(ours, peer.side)) };
    } finally {
      await peer.stop();
    }
  } finally {
    await server.stop();
    await database.stop();
    removeDir(dir);
  }
}

async function compare(a: Side, b: Side): Promise<Record<string, unknown>> {
  const rounds: { a: Round; b: Round }[] = [];
  for (const side of [a, b]) await round(side); // warm-up, not counted
  for (let i = 0; i < ROUNDS; i += 1) rounds.push({ a: await round(a), b: await round(b) });
  const of = (pick: (r: { a: Round; b: Round }) => number) => median(rounds.map(pick));
  const ratio = (pick: (r: Round) => number) => Math.round(of((r) => pick(r.a) / pick(r.b)) * 1000) / 1000;
  const summary = (side: 'a' | 'b') => ({
    cpu_us_per_request: of((r) => r[side].saturatedCpuUs),
    saturated_rate: of((r) => r[side].saturatedRate),
    paced_cpu_us_per_request: of((r) => r[side].pacedCpuUs),
    paced_p50_ms: of((r) => r[side].paced.p50Ms),
    paced_p95_ms: of((r) => r[side].paced.p95Ms),
    failed: rounds.reduce((sum, r) => sum + r[side].failed, 0),
  });
  return {
    [a.name]: summary('a'),
    [b.name]: summary('b'),
    cpu_ratio: ratio((r) => r.saturatedCpuUs),
    paced_cpu_ratio: ratio((r) => r.pacedCpuUs),
    targets: [
      atMost(
        'an agent read: CPU against FastAPI',
        ratio((r) => r.saturatedCpuUs),
        0.2,
        '×',
      ),
    ],
  };
}

async function round({ pid, load }: Side): Promise<Round> {
  const begin = cpuSeconds(pid);
  const paced = await drive({ ...load, rate: RATE, seconds: SECONDS, connections: 32 });
  const middle = cpuSeconds(pid);
  const full = await saturate({ ...load, seconds: SECONDS, connections: 32 });
  return {
    paced,
    pacedCpuUs: Math.round(((middle - begin) * 1e6) / paced.sent),
    saturatedCpuUs: Math.round(((cpuSeconds(pid) - middle) * 1e6) / full.sent),
    saturatedRate: Math.round(full.sent / SECONDS),
    failed: paced.failed + full.failed,
  };
}

async function accessToken(demo: { url: string; email: string; password: string }): Promise<string> {
  const answer = await fetch(`${demo.url}/api/v1/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', username: demo.email, password: demo.password }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}

/** Installs the peer from PyPI into a place of its own, gives it the same row in a table of its own, and starts it. */
async function startFastapi(databaseUrl: string, agent: Agent, dir: string) {
  const python = installPython(dir);
  const tenantId = '00000000-0000-7000-8000-000000000001';
  await copyRow(databaseUrl, tenantId, agent);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = `${part({ alg: 'EdDSA', typ: 'JWT' })}.${part({ tid: tenantId, exp: Math.floor(Date.now() / 1000) + 3600 })}`;
  const token = `${head}.${sign(null, Buffer.from(head), privateKey).toString('base64url')}`;
  const port = await freePort();
  const child = spawn(python, ['bench/peers/fastapi/app.py', String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      PEER_DATABASE_URL: peerUrl(databaseUrl),
      PEER_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    },
  });
  const side: Side = {
    name: 'fastapi',
    pid: child.pid as number,
    load: {
      origin: `http://127.0.0.1:${port}`,
      path: `/agents/${agent.id}`,
      headers: { authorization: `Bearer ${token}` },
    },
  };
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(`${side.load.origin}${side.load.path}`, { headers: side.load.headers }).catch(
      () => undefined,
    );
    if (answer?.status === 200) return { side, stop: () => stop(child) };
    await delay(50);
  }
  child.kill('SIGKILL');
  throw new Error('The FastAPI peer did not answer 200 within 10 s');
}

async function copyRow(databaseUrl: string, tenantId: string, agent: Agent): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`create table bench_agents (id uuid primary key, tenant_id uuid not null, name text, model text,
    instructions text, parameters jsonb, memory jsonb, metadata jsonb, status text, version int,
    created_at timestamptz, updated_at timestamptz)`);
  await client.query('insert into bench_agents values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)', [
    agent.id,
    tenantId,
    agent.name,
    agent.model,
    agent.instructions,
    agent.parameters,
    agent.memory,
    agent.metadata,
    agent.status,
    agent.version,
    agent.created_at,
    agent.updated_at,
  ]);
  await client.end();
}

/** SQLAlchemy's name for the same place: `postgresql+asyncpg:`. */
const peerUrl = (url: string): string => url.replace(/^postgres(ql)?:/, 'postgresql+asyncpg:');
