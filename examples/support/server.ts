import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PATIENCE_MS = 120_000;
/**
 * What this machine's environment, or the repository's `.env`, says of another server is not said of this one: it is not to
 * write into somebody's database. Where models are found stays.
 */
const OF_ANOTHER_SERVER = [
  ...['HOST', 'INTERNAL_HOST', 'API_V1_PREFIX', 'PUBLIC_URL', 'TRUSTED_PROXIES', 'CORS_ORIGINS'],
  ...['DATABASE_URL', 'REDIS_URL', 'MASTER_KEY', 'SIGNUP', 'LOG_RETENTION_DAYS', 'REQUESTS_PER_MINUTE'],
  ...['REDIS_PREFIX', 'PAYMENT_URL', 'PAYMENT_API_KEY', 'ORDER_EXPIRY_MINUTES'],
].flatMap((name) => [name, `${name}_FILE`]);
const UNSET = Object.fromEntries(OF_ANOTHER_SERVER.map((name) => [name, '']));

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type Demo = { readonly url: string; readonly email: string; readonly password: string };

/** The Parley that an example is told against. */
export interface ExampleServer extends AsyncDisposable {
  /** Resolves when it is ready, with how to sign in: before the first word, and after a `kill`. */
  start(): Promise<Demo>;
  /** `kill -9`: no goodbye, no flushing, no chance to finish anything. */
  kill(): Promise<void>;
}

export const ExampleServer = {
  /**
   * One of this example's own; or the installation of `make cluster`, which is there already. `settings`: over those that
   * every example runs with, of a server of its own.
   */
  create: (settings: NodeJS.Dict<string> = {}): Promise<ExampleServer> => {
    const { PARLEY_CLUSTER_URL: url, PARLEY_CLUSTER_PROCESSES: list } = process.env;
    return url && list ? Promise.resolve(new Cluster(url, list)) : OwnServer.create(settings);
  },
};

/** A Parley of this example's own: free ports, a temporary folder, and nothing of it left behind. */
class OwnServer implements ExampleServer {
  readonly dataDir: string;
  readonly #ports: readonly number[];
  readonly #settings: NodeJS.Dict<string>;
  readonly #interrupted: () => void;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(dataDir: string, ports: readonly number[], settings: NodeJS.Dict<string>) {
    this.dataDir = dataDir;
    this.#ports = ports;
    this.#settings = settings;
    this.#interrupted = () => this.#giveUp();
    for (const signal of INTERRUPTS) process.once(signal, this.#interrupted);
  }

  static async create(settings: NodeJS.Dict<string>): Promise<OwnServer> {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'parley-example-'));
    // Chosen beforehand: after the crash the server must be where the client looks for it.
    return new OwnServer(dataDir, await freePorts(3), settings);
  }

  async start(): Promise<Demo> {
    const [PORT, API_PORT, METRICS_PORT] = this.#ports.map(String);
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/main.ts', 'serve'], {
      cwd: ROOT,
      env: {
        ...{ ...process.env, ...UNSET, ...this.#settings },
        ...{ PARLEY_PROFILE: 'development', DATA_DIR: this.dataDir, PORT, API_PORT, METRICS_PORT },
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-20_000);
      });
    }
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await this.#ready())) {
      if (child.exitCode !== null || Date.now() > deadline) {
        const why = child.exitCode === null ? `It was not ready within ${PATIENCE_MS / 1000} s` : 'It ended';
        throw new Error(`The example's server did not start. ${why}, and said:\n${this.#output}`);
      }
      await delay(50);
    }
    return JSON.parse(await readFile(path.join(this.dataDir, 'demo.json'), 'utf8')) as Demo;
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of INTERRUPTS) process.off(signal, this.#interrupted);
    await this.#end('SIGTERM');
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Ctrl-C: nothing is to be left behind then either. */
  #giveUp(): void {
    void this.#end('SIGTERM').finally(() => {
      rmSync(this.dataDir, { recursive: true, force: true });
      process.exit(130);
    });
  }

  async #ready(): Promise<boolean> {
    try {
      const { ok } = await fetch(`http://127.0.0.1:${this.#ports[0]}/api/v1/health/ready`);
      // The demo tenant is made right after the doors open; the example signs in as it.
      const { size } = await stat(path.join(this.dataDir, 'demo.json'));
      return ok && size > 0;
    } catch {
      return false;
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

/** Several processes of each role behind one door, which are started again when they die: see scripts/cluster.ts. */
class Cluster implements ExampleServer {
  readonly #url: string;
  /** The file in which it stands who runs at the moment. */
  readonly #list: string;
  #demo: Demo | undefined;

  constructor(url: string, list: string) {
    this.#url = url;
    this.#list = list;
  }

  async start(): Promise<Demo> {
    for (const deadline = Date.now() + PATIENCE_MS; !(await this.#ready()); await delay(50))
      if (Date.now() > deadline) throw new Error(`${this.#url} was not ready within ${PATIENCE_MS / 1000} s`);
    this.#demo ??= await this.#signUp();
    return this.#demo;
  }

  /** Every process of Parley at once. The database, Redis and the nginx live on. */
  async kill(): Promise<void> {
    const processes = JSON.parse(await readFile(this.#list, 'utf8')) as { pid: number }[];
    for (const { pid } of processes) process.kill(pid, 'SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #ready(): Promise<boolean> {
    const answer = await fetch(`${this.#url}/api/v1/health/ready`).catch(() => undefined);
    return answer?.ok ?? false;
  }

  async #signUp(): Promise<Demo> {
    const account = { email: `${randomUUID()}@parley.example`, password: randomUUID() };
    const answer = await fetch(`${this.#url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...account, name: 'Demo', tenant_name: 'Demo' }),
    });
    if (answer.status !== 201) throw new Error(`Nobody can sign up at ${this.#url}: ${await answer.text()}`);
    return { url: this.#url, ...account };
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}
