/** A Redis for tests: the machine's own binary, installed where that is allowed, with nothing kept on a disk. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { installPackage } from './apt.ts';
import { freePort } from './port.ts';

const PLACES = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
const PATIENCE_MS = 60_000;

export type RedisServer = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it at once, as `kill -9` does, or with another signal. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
};

/** The machine's `redis-server`: the one REDIS_SERVER names, or one of the usual places. */
export function locateRedis(): string | undefined {
  const named = process.env.REDIS_SERVER;
  if (named) return existsSync(named) ? named : undefined;
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), ...PLACES];
  return folders.map((folder) => path.join(folder, 'redis-server')).find((file) => existsSync(file));
}

/** The same; installed where that is allowed. */
export const findRedis = (): string | undefined =>
  locateRedis() ?? (installPackage('redis-server') ? locateRedis() : undefined);

/** Starts a server of its own on a free port, or on `port`; with further options as the command line takes them. */
export async function startRedis(
  file: string,
  { port, options = [] }: { port?: number; options?: readonly string[] } = {},
): Promise<RedisServer> {
  const home = mkdtempSync(path.join(tmpdir(), 'parley-redis-'));
  const chosen = port ?? (await freePort());
  const plain = options.includes('--tls-port') ? [] : ['--port', `${chosen}`];
  const settings = [...plain, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home, ...options];
  const [command, ...words] = mortal(file);
  const child = spawn(command, [...words, ...settings], { cwd: home, stdio: 'ignore' });
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    }
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await whenUp(portOf(options) ?? chosen, child);
  } catch (error) {
    await kill();
    throw error;
  }
  return { url: `redis://127.0.0.1:${chosen}`, port: chosen, pid: child.pid ?? 0, kill, stop: () => kill('SIGKILL') };
}

/** A test that is killed takes its server with it, where the kernel can be asked to. */
const mortal = (file: string): [string, ...string[]] =>
  existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', file] : [file];

/** What it says of itself: `7.0.15`. */
export const redisVersion = (file: string): string =>
  /v=(\S+)/.exec(execFileSync(file, ['--version'], { encoding: 'utf8' }))?.[1] ?? '';

function portOf(options: readonly string[]): number | undefined {
  const at = options.indexOf('--tls-port');
  return at < 0 ? undefined : Number(options[at + 1]);
}

async function whenUp(port: number, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(10)) {
    const socket = dial(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (Date.now() > deadline || child.exitCode !== null) throw error;
    } finally {
      socket.destroy();
    }
  }
}
