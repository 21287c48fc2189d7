import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kept } from './meter.ts';

/** What `serve` tells a person, and a benchmark. */
export type Demo = { url: string; api_url: string; email: string; password: string; api_key: string };

export type Server = {
  readonly pid: number;
  readonly demo: Demo;
  /** Milliseconds from the start of the process to the first ready answer. */
  readonly readyMs: number;
  /** What it keeps when all garbage is collected. Only with `METERED`. */
  kept(): Promise<Kept>;
  stop(): Promise<void>;
};

/** A place for a server's data that goes with the benchmark. */
export const dataDir = (): string => mkdtempSync(join(tmpdir(), 'parley-bench-'));
export const removeDir = (dir: string): void => rmSync(dir, { recursive: true, force: true });

/** Node's flags for a server that tells what it keeps. */
export const METERED: readonly string[] = ['--expose-gc', '--import', `${import.meta.dirname}/meter.ts`];

/** Starts the whole product as a person would, on free ports, and waits until it is ready. */
export async function startServer(
  dir: string,
  env: Record<string, string> = {},
  flags: readonly string[] = [],
): Promise<Server> {
  const port = await freePort();
  const begin = performance.now();
  const child = spawn(process.execPath, [...flags, 'src/main.ts', 'serve'], {
    env: {
      ...process.env,
      DATA_DIR: dir,
      PORT: String(port),
      API_PORT: '0',
      METRICS_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kept = async () => {
    const answer = once(child, 'message');
    child.send('kept');
    return ((await answer) as [Kept])[0];
  };
  try {
    const readyMs = await ready(child, `http://127.0.0.1:${port}/api/v1/health/ready`, begin);
    return { pid: child.pid as number, demo: await demoOf(dir, port), readyMs, kept, stop: () => stop(child) };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

/** The demo tenant is made, or told anew, after the server is ready. */
async function demoOf(dir: string, port: number): Promise<Demo> {
  for (let tries = 0; tries < 1000; tries += 1) {
    try {
      const demo = JSON.parse(readFileSync(join(dir, 'demo.json'), 'utf8')) as Demo;
      if (demo.url.endsWith(`:${port}`)) return demo;
    } catch {
      // Not there yet.
    }
    await delay(10);
  }
  throw new Error('The server wrote no demo.json within 10 s');
}

async function ready(child: ChildProcess, url: string, begin: number): Promise<number> {
  const deadline = begin + 60_000;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode} before it was ready`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return performance.now() - begin;
    await delay(10);
  }
  throw new Error('The server was not ready within 60 s');
}

/** Ends a child politely and waits for it. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await gone;
  clearTimeout(late);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** A JSON call with the demo tenant's API key; throws on anything but success. */
export async function call<T>(
  demo: Pick<Demo, 'url' | 'api_key'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const answer = await fetch(`${demo.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${demo.api_key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
