import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Service } from '../lifecycle.ts';
import { CHILD_ENV, chooseRunner, EmbeddedError, findBinaries, type Runner } from './binaries.ts';
import {
  type ClusterPaths,
  clusterPaths,
  clusterVersion,
  ensureOwner,
  makeCluster,
  prepareSocketDir,
  removeSocketDir,
  sweepSocketDirs,
} from './cluster.ts';
import { isConnectionError } from './errors.ts';
import { takeOwnership } from './owner.ts';
import { CLUSTER } from './sql.ts';

export type EmbeddedOptions = {
  /** Everything is kept below it: the cluster, and its log. */
  readonly dataDir: string;
  /** The database that is made in it. Default `parley`. */
  readonly database?: string;
  /** Further settings of the server, e.g. `fsync: 'off'` for tests. */
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly runner?: Runner;
  /** How long a start is tried. Default 30 s. */
  readonly startDeadlineMs?: number;
  /** The server is gone and could not be brought back, or somebody else took it: this process cannot go on. */
  readonly onLost?: (error: Error) => void;
};

export type Embedded = Service & {
  /** Where to connect; the same before and after a restart. */
  readonly url: string;
  /** Where its owner holds the lock: the server's own database. */
  readonly adminUrl: string;
  /** True when a server was found running whose owner had died. */
  readonly adopted: () => boolean;
};

/**
 * Disk-safe (fsync, full pages and synchronous commit stay on) and small: on a laptop it shares the memory with
 * everything else. One client means no replication, no parallel workers and synchronous I/O without I/O workers.
 */
const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  shared_buffers: '48MB',
  max_connections: 60,
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  wal_level: 'minimal',
  max_wal_senders: 0,
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  io_method: 'sync',
  max_worker_processes: 0,
  max_parallel_workers_per_gather: 0,
  max_logical_replication_workers: 0,
  autovacuum_max_workers: 1,
  jit: 'off',
  client_connection_check_interval: process.platform === 'linux' ? '2s' : 0,
  logging_collector: 'off',
  log_timezone: 'UTC',
  // Statements hold people's texts; the log of the server is no place for them.
  log_min_error_statement: 'panic',
  log_parameter_max_length_on_error: 0,
  timezone: 'UTC',
} as const;

/** After the postmaster was killed, its busy backends keep the shared memory until they notice. */
const START_DEADLINE_MS = 60_000;
const POLL_MS = 10;
const QUIT_GRACE_MS = 500;

/** A packaged PostgreSQL as a child process of ours, for as long as this process owns it. */
export function createEmbedded(options: EmbeddedOptions): Embedded {
  return new Supervisor(options);
}

class Supervisor implements Embedded {
  readonly name = 'database';
  readonly url: string;
  readonly adminUrl: string;
  readonly #options: EmbeddedOptions;
  readonly #runner: Runner;
  readonly #paths: ClusterPaths;
  #child: ChildProcess | undefined;
  #owner: pg.Client | undefined;
  #starting: Promise<void> | undefined;
  #stopping = false;
  #adopted = false;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.#runner = options.runner ?? chooseRunner();
    this.#paths = clusterPaths(options.dataDir, this.#runner);
    const at = (database: string) => `postgresql:///${database}?host=${this.#paths.socketDir}&user=postgres`;
    this.url = at(options.database ?? 'parley');
    this.adminUrl = at('postgres');
  }

  adopted = () => this.#adopted;

  start(): Promise<void> {
    this.#starting ??= this.#bringUp();
    return this.#starting;
  }

  /** Until the server runs and is ours: connect, or start it and connect. Somebody else's is not touched. */
  async #bringUp(): Promise<void> {
    await this.#ensureCluster();
    for (const deadline = Date.now() + (this.#options.startDeadlineMs ?? START_DEADLINE_MS); !this.#stopping; ) {
      try {
        const owner = await takeOwnership(this.adminUrl);
        this.#owner = owner;
        this.#adopted = this.#child === undefined;
        owner.once('end', () => this.#onOwnerGone());
        await this.#ensureDatabase(owner);
        return;
      } catch (error) {
        if (!isConnectionError(error)) throw error;
        if (Date.now() > deadline) throw this.#failure(error);
      }
      this.#child ??= this.#spawn();
      await delay(POLL_MS);
    }
  }

  async #ensureCluster(): Promise<void> {
    const binaries = findBinaries();
    const { data } = this.#paths;
    if (clusterVersion(data) === undefined) await makeCluster(this.#paths, binaries, this.#runner);
    const found = clusterVersion(data);
    if (found !== String(binaries.major))
      throw new EmbeddedError(
        `The database in ${data} was made by PostgreSQL ${found}, and this release packages ${binaries.major}: ` +
          'start it with the release that made it, or move the folder away to begin anew.',
      );
    ensureOwner(data, this.#runner.owner);
  }

  async #ensureDatabase(owner: pg.Client): Promise<void> {
    const database = this.#options.database ?? 'parley';
    const { rows } = await owner.query<{ exists: boolean }>(CLUSTER.hasDatabase, [database]);
    if (!rows[0]?.exists) await owner.query(`create database ${owner.escapeIdentifier(database)}`);
  }

  #spawn(): ChildProcess {
    const { data, socketDir, log } = this.#paths;
    sweepSocketDirs(this.#paths, this.#runner);
    prepareSocketDir(this.#paths, this.#runner);
    const settings = { ...SETTINGS, unix_socket_directories: socketDir, ...this.#options.settings };
    const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const { file, args: full } = this.#runner.command(findBinaries().postgres, args);
    const output = openSync(log, 'a', 0o600);
    // Detached: Ctrl-C reaches the whole foreground group, and the database must outlive our own draining.
    const child = spawn(file, full, {
      ...this.#runner.ids,
      env: CHILD_ENV,
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    child.unref();
    const gone = () => {
      if (this.#child === child) this.#child = undefined;
    };
    child.once('exit', gone);
    child.once('error', gone);
    return child;
  }

  /** The server died, or somebody ended our session: bring both back, or tell that we cannot go on. */
  #onOwnerGone(): void {
    this.#owner = undefined;
    if (this.#stopping) return;
    this.#starting = this.#bringUp();
    this.#starting.catch((error: Error) => this.#options.onLost?.(error));
  }

  #failure(cause: unknown): EmbeddedError {
    const { log } = this.#paths;
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-3).join(' | ');
    return new EmbeddedError(`The packaged PostgreSQL did not start. The end of ${log}: ${lines}`, { cause });
  }

  /** Shuts the server down, when it is ours: `fast` (SIGINT) first, `immediate` (SIGQUIT) at the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    await this.#starting?.catch(() => {});
    const owner = this.#owner;
    this.#owner = undefined;
    if (owner === undefined && this.#child === undefined) return;
    const pid = this.#child?.pid ?? this.#postmasterPid();
    this.#child = undefined;
    const deadline = Date.now() + deadlineMs;
    if (pid !== undefined) await shutDown(pid, this.#lockFile, deadline);
    await owner?.end().catch(() => {});
    removeSocketDir(this.#paths);
  }

  get #lockFile(): string {
    return join(this.#paths.data, 'postmaster.pid');
  }

  /** The first line of the server's own lock file. Read only while our session inside that server is open. */
  #postmasterPid(): number | undefined {
    try {
      const pid = Number.parseInt(readFileSync(this.#lockFile, 'utf8'), 10);
      return pid > 1 ? pid : undefined;
    } catch {
      return undefined;
    }
  }
}

/** The lock file goes last; a process that nobody has reaped yet would still look alive. */
async function shutDown(pid: number, lockFile: string, deadline: number): Promise<void> {
  const runs = () => signal(pid, 0) && existsSync(lockFile);
  if (!signal(pid, 'SIGINT')) return;
  while (runs() && Date.now() < deadline) await delay(POLL_MS);
  if (!runs()) return;
  signal(pid, 'SIGQUIT');
  for (const grace = Date.now() + QUIT_GRACE_MS; runs() && Date.now() < grace; ) await delay(POLL_MS);
}

/** False when there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
