/**
 * Parley as it is run for many: api × 2 and worker × 2 as processes of their own, on a PostgreSQL and a Redis that are given,
 * behind the nginx of deploy/nginx. Whoever dies is started again where it was, as whatever runs services would.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from '../lib/say.ts';
import { startDoor } from './nginx.ts';
import { freePort } from './port.ts';

const PATIENCE_MS = 120_000;
const STOP_MS = 15_000;
const AGAIN_MS = 100;

type Role = 'api' | 'worker';
const ROLES: readonly Role[] = ['api', 'api', 'worker', 'worker'];

export type Installation = {
  /** `http://127.0.0.1:PORT` of the nginx. */
  readonly url: string;
  /** Who runs at this moment. */
  processes(): readonly { role: Role; pid: number }[];
  /** Resolves when every process is ready, again. */
  ready(): Promise<void>;
  /** All of them at once, without a word; they are started again by `revive`. */
  kill(): Promise<void>;
  revive(): Promise<void>;
  stop(): Promise<void>;
};

type Options = {
  /** An nginx's file. */
  readonly nginx: string;
  /** The settings that all share: DATABASE_URL, REDIS_URL, MASTER_KEY and DATA_DIR among them. */
  readonly env: Readonly<Record<string, string>>;
  /** What processes say goes there, too. */
  readonly onSaid?: (text: string) => void;
  /** Called when one has started, or has ended. */
  readonly onChange?: () => void;
};

export async function startInstallation({ nginx, ...options }: Options): Promise<Installation> {
  const members = await Promise.all(ROLES.map((role) => Process.at(role, options)));
  const ready = async () => {
    await Promise.all(members.map((member) => member.ready()));
  };
  const end = () => Promise.all(members.map((member) => member.end('SIGTERM')));
  try {
    for (const member of members) member.start();
    await ready();
    const [first, second] = members.map(({ port }) => port) as [number, number];
    const door = await startDoor(nginx, [first, second]);
    return {
      url: door.url,
      processes: () => members.flatMap(({ role, pid }) => (pid === undefined ? [] : [{ role, pid }])),
      ready,
      async kill() {
        await Promise.all(members.map((member) => member.end('SIGKILL')));
      },
      async revive() {
        for (const member of members) if (member.pid === undefined) member.start();
        await ready();
      },
      async stop() {
        await door.stop();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

class Process {
  readonly role: Role;
  readonly port: number;
  readonly #metricsPort: number;
  readonly #env: NodeJS.ProcessEnv;
  readonly #onSaid: (text: string) => void;
  readonly #onChange: () => void;
  #child: ChildProcess | undefined;
  #said = '';
  #over = false;

  private constructor(role: Role, ports: readonly [number, number, number], options: Omit<Options, 'nginx'>) {
    const { env, onSaid = () => {}, onChange = () => {} } = options;
    const [PORT, API_PORT, METRICS_PORT] = ports.map(String);
    this.role = role;
    [this.port, , this.#metricsPort] = ports;
    // Of our own environment only what finds programs: an installation is what its settings say.
    const { PATH, HOME } = process.env;
    this.#env = { PATH, HOME, HOST: '127.0.0.1', TRUSTED_PROXIES: '127.0.0.1', ...env };
    Object.assign(this.#env, { PORT, API_PORT, METRICS_PORT });
    this.#onSaid = onSaid;
    this.#onChange = onChange;
  }

  static async at(role: Role, options: Omit<Options, 'nginx'>): Promise<Process> {
    return new Process(role, await Promise.all([freePort(), freePort(), freePort()]), options);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    this.#over = false;
    this.#said = '';
    const words = ['--disable-warning=ExperimentalWarning', 'src/main.ts', 'serve', '--role', this.role];
    const child = spawn(process.execPath, words, { cwd: root, env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#onChange();
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString()).slice(-8_000);
        this.#onSaid(chunk.toString());
      });
    child.once('exit', (code) => {
      this.#child = undefined;
      this.#onChange();
      // Killed, or lost its database: it comes again. A setting that is wrong stays wrong.
      if (!this.#over && code !== 64 && code !== 78) setTimeout(() => !this.#over && this.start(), AGAIN_MS);
    });
  }

  async ready(): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await delay(25)) {
      const answer = await fetch(`http://127.0.0.1:${this.#metricsPort}/health/ready`).catch(() => undefined);
      if (answer?.ok && this.#child) return;
      if (Date.now() > deadline) throw new Error(`A process of the role ${this.role} is not ready:\n${this.#said}`);
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#over = true;
    const child = this.#child;
    if (!child) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(hard);
  }
}
