import { spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Binaries, CHILD_ENV, EmbeddedError, type Runner } from './binaries.ts';

/** Where a packaged database lives. */
export type ClusterPaths = {
  readonly data: string;
  readonly socketDir: string;
  readonly log: string;
};

/** A Unix socket's path holds 107 bytes on Linux and 103 on macOS. */
const MAX_SOCKET_PATH = 103;

/** Where things of a data folder are; the same for every process that is given this folder. */
export function clusterPaths(dataDir: string, runner: Runner): ClusterPaths {
  mkdirSync(dataDir, { recursive: true });
  const real = realpathSync(dataDir);
  // /tmp, because a socket cannot be made on every shared folder, and a data folder's path may be too long for one.
  const base = existsSync('/tmp') ? '/tmp' : tmpdir();
  const socketDir = join(base, `parley-${ownerOf(runner)}-${hash('sha256', real, 'hex').slice(0, 16)}`);
  if (Buffer.byteLength(`${socketDir}/.s.PGSQL.5432`) > MAX_SOCKET_PATH)
    throw new EmbeddedError(`The path of the database's socket in ${base} is too long for the operating system.`);
  return { data: join(real, 'postgres'), socketDir, log: join(real, 'postgres.log') };
}

const ownerOf = (runner: Runner) => runner.owner ?? process.getuid?.() ?? 0;

/** Connections there need no password, so nobody else may own the socket's folder or reach into it. */
export function prepareSocketDir({ socketDir }: ClusterPaths, runner: Runner): void {
  mkdirSync(socketDir, { recursive: true, mode: 0o700 });
  const stat = lstatSync(socketDir);
  if (!stat.isDirectory() || (stat.uid !== ownerOf(runner) && stat.uid !== process.getuid?.()))
    throw new EmbeddedError(`${socketDir} belongs to somebody else; it must be this user's own folder. Remove it.`);
  chmodSync(socketDir, 0o700);
  if (runner.owner !== undefined) chownSync(socketDir, runner.owner, runner.owner);
}

/** A folder that nothing has happened in for so long is not one that a server is just starting in. */
const LEFT_BEHIND_MS = 3_600_000;

/**
 * Takes away the folders of databases whose processes were killed and never started again, a test's for the most part:
 * nobody else would. Only this user's own, and never one whose server runs.
 */
export function sweepSocketDirs({ socketDir }: ClusterPaths, runner: Runner): void {
  const [base, own] = [dirname(socketDir), `parley-${ownerOf(runner)}-`];
  for (const name of readdirSync(base)) {
    if (!name.startsWith(own) || !/^[0-9a-f]{16}$/.test(name.slice(own.length))) continue;
    const folder = join(base, name);
    try {
      const stat = lstatSync(folder);
      if (!stat.isDirectory() || stat.uid !== ownerOf(runner) || Date.now() - stat.mtimeMs < LEFT_BEHIND_MS) continue;
      if (!isServed(folder)) rmSync(folder, { recursive: true });
    } catch {
      // Somebody else was quicker, or it cannot be looked into: it may stay.
    }
  }
}

/** The server's lock file beside its socket begins with its process id. */
function isServed(folder: string): boolean {
  const [lock] = readdirSync(folder).filter((name) => name.endsWith('.lock'));
  if (lock === undefined) return false;
  try {
    return process.kill(Number.parseInt(readFileSync(join(folder, lock), 'utf8'), 10), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** After the server's end. Another process may be using it again already: then it is not empty, and stays. */
export function removeSocketDir({ socketDir }: ClusterPaths): void {
  try {
    rmdirSync(socketDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** The major version that made the cluster, or undefined where there is none yet. */
export function clusterVersion(data: string): string | undefined {
  const file = join(data, 'PG_VERSION');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

/**
 * Makes a cluster in a temporary folder beside its place and renames it, so that a half-made one is never found.
 * When two processes do it at once, one of them wins, and the other uses what is there.
 */
export async function makeCluster(paths: ClusterPaths, binaries: Binaries, runner: Runner): Promise<void> {
  const folder = `${paths.data}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    mkdirSync(folder, { mode: 0o700 });
    if (runner.owner !== undefined) chownSync(folder, runner.owner, runner.owner);
    const locale = process.platform === 'darwin' ? ['--locale=C', '--lc-ctype=UTF-8'] : ['--locale=C.UTF-8'];
    const builtin = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8', ...locale];
    await run(binaries.initdb, ['-D', folder, '-U', 'postgres', '-A', 'trust', ...builtin], runner);
    await rename(folder, paths.data);
  } catch (error) {
    if (clusterVersion(paths.data) === undefined) throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(program: string, args: string[], runner: Runner): Promise<void> {
  const { file, args: full } = runner.command(program, args);
  const child = spawn(file, full, { ...runner.ids, env: CHILD_ENV, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new EmbeddedError(`initdb could not make the database: ${said.trim() || `exit code ${code}`}`);
}

/** Gives the cluster to whom it will run as: a machine may allow user namespaces today and not tomorrow. */
export function ensureOwner(folder: string, owner: number | undefined): void {
  if (owner === undefined || lstatSync(folder).uid === owner) return;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    chownSync(join(entry.parentPath, entry.name), owner, owner);
  chownSync(folder, owner, owner);
}
