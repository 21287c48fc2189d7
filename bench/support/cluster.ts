import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { findRedis, startRedis } from '../../scripts/testing/redis.ts';
import { createEmbedded } from '../../src/platform/db/embedded.ts';
import type { Kept } from './meter.ts';
import { METERED, removeDir, stop } from './server.ts';

/** A process of an installation of several. */
export type Node = {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ports: readonly number[];
  readonly kept: () => Promise<Kept>;
  readonly stop: () => Promise<void>;
};

export type Installation = {
  readonly env: Record<string, string>;
  /** Pids of the stores. */
  readonly redisPid: number;
  start(role: string, flags?: readonly string[]): Promise<Node>;
  /** A process of the benchmark on the same stores, with a line to it; what it says first says that it is ready. */
  attach<T>(file: string): Promise<{ child: ChildProcess; first: T }>;
  stop(): Promise<void>;
};

/** PostgreSQL and Redis, both as they are packaged, and whatever processes are started on them. */
export async function startInstallation(dir: string, more: Record<string, string> = {}): Promise<Installation> {
  const file = findRedis();
  if (file === undefined) throw new Error('This scenario needs a redis-server');
  const postgres = createEmbedded({ dataDir: join(dir, 'shared-postgres'), settings: { max_connections: 200 } });
  await postgres.start();
  const redis = await startRedis(file);
  const env = {
    ...{ PARLEY_PROFILE: 'testing', HOST: '127.0.0.1', PORT: '0', API_PORT: '0', METRICS_PORT: '0', SIGNUP: 'open' },
    ...{ DATABASE_URL: postgres.url, REDIS_URL: redis.url, MASTER_KEY: '42'.repeat(32) },
    ...{ PUBLIC_URL: 'http://bench.test', REQUESTS_PER_MINUTE: '100000000' },
    ...more,
  };
  const children: ChildProcess[] = [];
  const open = (args: readonly string[]) => {
    const child = spawn(process.execPath, [...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    children.push(child);
    return child;
  };
  return {
    env,
    redisPid: redis.pid,
    async start(role, flags = METERED) {
      const child = open([...flags, 'src/main.ts', 'serve', '--role', role]);
      const ports = await readyPorts(child);
      const kept = async () => {
        const answer = once(child, 'message');
        child.send('kept');
        return ((await answer) as [Kept])[0];
      };
      return { child, pid: child.pid as number, ports, kept, stop: () => stop(child) };
    },
    async attach<T>(script: string) {
      const child = open(['--disable-warning=ExperimentalWarning', script]);
      const [first] = (await once(child, 'message')) as [T];
      child.stdout?.resume();
      return { child, first };
    },
    async stop() {
      await Promise.all(children.map((child) => stop(child)));
      await Promise.all([redis.stop(), postgres.stop(10_000)]);
      removeDir(dir);
    },
  };
}

function readyPorts(child: ChildProcess): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      if (said === 'ready') return;
      said += chunk.toString();
      const line = said.split('\n').find((one) => one.includes('"message":"ready"') && one.endsWith('}'));
      if (line === undefined) return;
      said = 'ready';
      resolve((JSON.parse(line) as { ports: number[] }).ports);
    });
    child.once('exit', (code) => reject(new Error(`It ended with ${code} before it was ready: ${said.slice(-500)}`)));
  });
}

/** Tells a process of the benchmark what to do, and waits for its answer. */
export async function tell<T>(child: ChildProcess, order: object): Promise<T> {
  const ended = new AbortController();
  const gone = () => ended.abort(new Error('A process of the benchmark ended'));
  child.once('exit', gone);
  const answer = once(child, 'message', { signal: ended.signal });
  child.send(order);
  try {
    return ((await answer) as [T])[0];
  } finally {
    child.off('exit', gone);
  }
}

/** A new tenant, and a key of its owner with these permissions. */
export async function makeTenant(port: number, scopes: readonly string[]): Promise<{ tenantId: string; key: string }> {
  const url = `http://127.0.0.1:${port}/api/v1`;
  const send = async <T>(path: string, body: object, token?: string): Promise<T> => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const { tenant, access_token } = await send<{ tenant: { id: string }; access_token: string }>('/auth/register', {
    ...{ email: `bench-${Date.now()}@example.com`, password: 'a long walk to the harbour', tenant_name: 'Bench' },
  });
  const { key } = await send<{ key: string }>('/api-keys', { name: 'bench', scopes }, access_token);
  return { tenantId: tenant.id, key };
}
