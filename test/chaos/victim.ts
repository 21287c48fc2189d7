import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/testing/port.ts';
import { chooseRunner } from '../../src/platform/db/binaries.ts';
import { clusterPaths } from '../../src/platform/db/cluster.ts';
import '../support/uncounted.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RESTART_MS = 120_000;

/** The whole product as a person runs it, which is killed again and again, and started anew by whoever cares for it. */
export class Victim implements AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  startsGivenUp = 0;
  readonly #env: Record<string, string | undefined>;
  #child: ChildProcess | undefined;
  #said = '';

  private constructor(at: { url: string; dataDir: string; env: Record<string, string | undefined> }) {
    this.url = at.url;
    this.dataDir = at.dataDir;
    this.#env = at.env;
  }

  static async start(env: Record<string, string>): Promise<Victim> {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-chaos-'));
    const port = await freePort();
    const victim = new Victim({
      url: `http://127.0.0.1:${port}`,
      dataDir,
      env: {
        ...{ PATH: process.env.PATH, HOME: process.env.HOME },
        ...{ PARLEY_PROFILE: 'development', SIGNUP: 'open', REQUESTS_PER_MINUTE: '1000000' },
        ...{ DATA_DIR: dataDir, PORT: String(port), API_PORT: '0', METRICS_PORT: '0', ...env },
      },
    });
    victim.#spawn();
    try {
      await victim.recovered();
      return victim;
    } catch (error) {
      await victim[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where its database listens, for the oracle. */
  get databaseUrl(): string {
    const { socketDir } = clusterPaths(this.dataDir, chooseRunner());
    return `postgresql:///parley?host=${socketDir}&user=postgres`;
  }

  /** `kill -9` of the server; it is started again at once. Its database is left running without a parent. */
  async killServer(): Promise<void> {
    await this.#end('SIGKILL');
    this.#spawn();
  }

  /** `kill -9` of the database's first process; bringing it back is the server's business. */
  killDatabase(): void {
    const pid = this.#postmaster();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }

  /**
   * Resolves once it answers from its database again. A start whose database is killed under it may give up, and is
   * tried again, as any supervisor would; ending by itself later is a failure.
   */
  async recovered(): Promise<void> {
    for (const deadline = Date.now() + RESTART_MS; !(await this.#answers()); await delay(20)) {
      const { exitCode } = this.#child ?? {};
      if (typeof exitCode === 'number') {
        if (this.#said.includes('"message":"ready"')) throw new Error(`It ended with ${exitCode}:\n${this.#said}`);
        this.startsGivenUp += 1;
        this.#spawn();
      }
      if (Date.now() > deadline) throw new Error(`Not back within ${RESTART_MS} ms; it said:\n${this.#said}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const hard = setTimeout(() => this.#child?.kill('SIGKILL'), 15_000);
    await this.#end('SIGTERM');
    clearTimeout(hard);
    await rm(this.dataDir, { recursive: true, force: true });
  }

  #spawn(): void {
    this.#said = '';
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/main.ts', 'serve'], {
      cwd: ROOT,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        this.#said += String(chunk);
      });
    this.#child = child;
  }

  async #answers(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.url}/api/v1/health/ready`, { signal: AbortSignal.timeout(2_000) });
      return answer.ok;
    } catch {
      return false;
    }
  }

  #postmaster(): number | undefined {
    const { data } = clusterPaths(this.dataDir, chooseRunner());
    try {
      const pid = Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10);
      process.kill(pid, 0);
      return pid > 1 ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}
