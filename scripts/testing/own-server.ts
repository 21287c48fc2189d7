/**
 * A PostgreSQL such as somebody would give us by DATABASE_URL: the machine's own, over TCP, with a password, and an
 * owner who is no superuser. What holds on the packaged server must hold here too.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { installPackage, refuseMainCluster } from './apt.ts';
import { freePort } from './port.ts';

const PLACES = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/usr/local/opt/postgresql@*/bin',
];
const NOBODY = 65_534;
const PATIENCE_MS = 60_000;

export type OwnServer = { readonly url: string; readonly version: string; stop(): Promise<void> };

/** The folder of the machine's newest `postgres`, 15 or newer; installed where that is allowed. */
export function findServer(): string | undefined {
  const found = () =>
    PLACES.flatMap((place) => globSync(place))
      .filter((folder) => existsSync(path.join(folder, 'postgres')) && existsSync(path.join(folder, 'initdb')))
      .map((folder) => ({ folder, major: Number(/(\d+)\/bin$/.exec(folder)?.[1] ?? 0) }))
      .filter(({ major }) => major >= 15)
      .sort((a, b) => b.major - a.major)[0]?.folder;
  const there = found();
  if (there) return there;
  refuseMainCluster();
  return installPackage('postgresql') ? found() : undefined;
}

/**
 * Makes a cluster in a temporary folder, starts it, and makes its owner. Everything goes with `stop`. `certificate`: it
 * speaks TLS, and nothing else to whoever comes over TCP.
 */
export async function startServer(
  folder: string,
  { certificate }: { certificate?: { readonly cert: string; readonly key: string } } = {},
): Promise<OwnServer> {
  const home = mkdtempSync(path.join(tmpdir(), 'parley-own-'));
  const root = process.getuid?.() === 0;
  const identity = root ? { uid: NOBODY, gid: NOBODY } : {};
  if (root) chownSync(home, NOBODY, NOBODY);
  chmodSync(home, 0o700);
  const [superuser, owner] = [secret(), secret()];
  const passwordFile = path.join(home, 'password');
  writeFileSync(passwordFile, superuser);
  if (root) chownSync(passwordFile, NOBODY, NOBODY);
  const data = path.join(home, 'data');
  const initdb = [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
  ];
  const made = spawnSync(path.join(folder, 'initdb'), initdb, { ...identity, cwd: home, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);

  const port = await freePort();
  const settings: Record<string, string> = {
    port: `${port}`,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: home,
    max_connections: '400',
    shared_buffers: '48MB',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
  };
  if (certificate) {
    const { cert, key } = certificate;
    for (const [name, file] of Object.entries({ cert, key })) {
      const copy = path.join(home, name);
      copyFileSync(file, copy);
      chmodSync(copy, 0o600);
      if (root) chownSync(copy, NOBODY, NOBODY);
    }
    Object.assign(settings, {
      ssl: 'on',
      ssl_cert_file: path.join(home, 'cert'),
      ssl_key_file: path.join(home, 'key'),
    });
    writeFileSync(path.join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n');
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(path.join(folder, 'postgres'), ['-D', data, ...options], {
    ...identity,
    cwd: home,
    stdio: 'ignore',
  });
  const stop = () => stopServer(child, home);
  try {
    const mode = certificate ? '?uselibpqcompat=true&sslmode=require' : '';
    const admin = `postgres://postgres:${superuser}@127.0.0.1:${port}/postgres${mode}`;
    const version = await whenUp(admin, child, async (client) => {
      await client.query(`create role parley_owner login createdb createrole password '${owner}'`);
      const { rows } = await client.query<{ server_version: string }>('show server_version');
      return rows[0]?.server_version ?? '';
    });
    return { url: `postgres://parley_owner:${owner}@127.0.0.1:${port}/postgres`, version, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function whenUp<T>(url: string, child: ChildProcess, work: (client: pg.Client) => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(50)) {
    const client = new pg.Client(url);
    try {
      await client.connect();
      return await work(client);
    } catch (error) {
      if (Date.now() > deadline || child.exitCode !== null) throw error;
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function stopServer(child: ChildProcess, home: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGINT'); // "fast": ends sessions, then itself
    await Promise.race([ended, delay(10_000, undefined, { ref: false })]);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
  rmSync(home, { recursive: true, force: true });
}

const secret = () => randomBytes(18).toString('base64url');
