import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../scripts/testing/port.ts';
import { type Fault, fault } from '../verdict.ts';
import type { Backend } from './balancer.ts';
import type { FaultProxy } from './proxy.ts';
import type { Arming } from './steps.ts';
import type { Stores } from './stores.ts';
import '../../support/uncounted.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FLAGS = ['--disable-warning=ExperimentalWarning', '--import', './test/chaos/cluster/steps.ts'];
const START_MS = 120_000;
const KEPT_CHARS = 20_000;

export type Role = 'api' | 'worker';
/** From a start to the end of the process. */
type Life = { readonly child: ChildProcess; ready: boolean; doomed: boolean };
type Made = {
  readonly role: Role;
  readonly env: Record<string, string | undefined>;
  readonly ports: readonly number[];
  /** Where all that it says is kept; absent: only its last words. */
  readonly logFile: string | undefined;
};

/**
 * One process of the installation. It comes back by itself whenever it ends, as under any supervisor; ending without
 * having been killed, once it was ready, is a fault.
 */
export class Member {
  readonly role: Role;
  readonly name: string;
  readonly postgres: FaultProxy;
  readonly redis: FaultProxy;
  readonly faults: Fault[] = [];
  /** Starts that ended because something was away meanwhile. */
  startsGivenUp = 0;
  readonly #env: Record<string, string | undefined>;
  readonly #ports: readonly number[];
  readonly #logFile: string | undefined;
  #life: Life;
  #poison: Arming | undefined;
  #away: Promise<void> | undefined;
  #over = false;
  #said = '';

  constructor(name: string, { role, env, ports, logFile }: Made, wires: { postgres: FaultProxy; redis: FaultProxy }) {
    this.name = name;
    this.role = role;
    this.postgres = wires.postgres;
    this.redis = wires.redis;
    this.#env = env;
    this.#ports = ports;
    this.#logFile = logFile;
    this.#life = this.#spawn();
  }

  get backend(): Backend {
    return { port: this.#ports[0] as number, readyUrl: `${this.#internal}/health/ready` };
  }

  /** Sends a signal. One that ends the process makes its end no fault. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#life.doomed = true;
    this.#life.child.kill(signal);
  }

  /** It will die at this step when it comes there; resolves with whether it did within the time. */
  async dieAt(step: string, withinMs: number): Promise<boolean> {
    const life = this.#life;
    if (!life.ready) return false;
    life.doomed = true;
    const died = await this.#reaches({ step, signal: 'SIGKILL' }, withinMs, 'exit');
    if (!died) life.doomed = false;
    return died;
  }

  /** It will stop at this step when it comes there, and go on after a while; resolves when it stands, or with false. */
  async standAt(step: string, withinMs: number): Promise<boolean> {
    return this.#life.ready && (await this.#reaches({ step, signal: 'SIGSTOP' }, withinMs, 'message'));
  }

  /** Until this is taken back it will die each time that it comes there, in this life and in those that follow. */
  poison(arming: Arming | undefined): void {
    this.#poison = arming;
    this.#life.doomed = arming !== undefined;
    if (this.#life.child.connected) this.#life.child.send(arming ?? {}, () => {});
  }

  /** Once it has ended, it comes back only when this is done: what it had goes to another one. */
  async away<T>(meanwhile: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#away = promise;
    try {
      return await meanwhile();
    } finally {
      this.#away = undefined;
      resolve();
    }
  }

  async #reaches(arming: Arming, withinMs: number, sign: 'exit' | 'message'): Promise<boolean> {
    const { child } = this.#life;
    if (!child.connected) return false;
    const over = new AbortController();
    const reached = once(child, sign, { signal: over.signal }).then(
      () => true,
      () => false,
    );
    child.send(arming, () => {});
    const did = await Promise.race([reached, delay(withinMs, false, { signal: over.signal }).catch(() => false)]);
    over.abort();
    if (!did && child.connected) child.send({}, () => {});
    return did;
  }

  async ready(): Promise<void> {
    for (const deadline = Date.now() + START_MS; !(await this.#answers()); await delay(20))
      if (Date.now() > deadline) throw new Error(`${this.name} is not back within ${START_MS} ms:\n${this.#said}`);
  }

  /** Politely, and for good. */
  async end(): Promise<void> {
    this.#over = true;
    const { child } = this.#life;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const hard = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const gone = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    await gone;
    clearTimeout(hard);
  }

  get #internal(): string {
    return `http://127.0.0.1:${this.#ports.at(-1)}`;
  }

  #spawn(): Life {
    this.#said = '';
    const child = spawn(process.execPath, [...FLAGS, 'src/main.ts', 'serve', '--role', this.role], {
      cwd: ROOT,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const life: Life = { child, ready: false, doomed: this.#poison !== undefined };
    if (this.#poison) child.send(this.#poison, () => {});
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        const text = String(chunk);
        life.ready ||= text.includes('"message":"ready"');
        this.#said = (this.#said + text).slice(-KEPT_CHARS);
        if (this.#logFile) appendFileSync(this.#logFile, text);
      });
    child.once('exit', (code, signal) => {
      if (this.#over) return;
      if (!life.ready) this.startsGivenUp += 1;
      else if (!life.doomed) this.#fellOver(`${code ?? signal}`);
      if (this.#away) void this.#away.then(() => this.#again());
      else this.#again();
    });
    return life;
  }

  #again(): void {
    if (!this.#over) this.#life = this.#spawn();
  }

  #fellOver(how: string): void {
    this.faults.push(fault('other', `${this.name} ended by itself (${how}):\n${this.#said}`));
  }

  async #answers(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.#internal}/health/ready`, { signal: AbortSignal.timeout(2_000) });
      return answer.ok;
    } catch {
      return false;
    }
  }
}

export type FleetPlan = {
  /** Processes of each role. */
  readonly count: number;
  readonly settings: Readonly<Record<string, string>>;
  /** A folder where what each process says is kept. */
  readonly logs: string | undefined;
};

/** `count` processes of each role on the stores, each with wires of its own. */
export class Fleet implements AsyncDisposable {
  readonly members: Member[];
  readonly #wires: FaultProxy[];

  private constructor(members: Member[], wires: FaultProxy[]) {
    this.members = members;
    this.#wires = wires;
  }

  static async start(stores: Stores, plan: FleetPlan): Promise<Fleet> {
    const fleet = new Fleet([], []);
    try {
      await fleet.#start(stores, plan);
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(stores: Stores, { count, settings, logs }: FleetPlan): Promise<void> {
    const [members, wires] = [this.members, this.#wires];
    for (const role of ['api', 'worker'] as const)
      for (let n = 1; n <= count; n++) {
        const [postgres, redis] = await Promise.all([stores.postgresWire(), stores.redisWire()]);
        wires.push(postgres, redis);
        const ports = await Promise.all([freePort(), freePort(), freePort()]);
        const env = {
          ...{ PATH: process.env.PATH, HOME: process.env.HOME },
          ...{ PARLEY_PROFILE: 'testing', HOST: '127.0.0.1', SIGNUP: 'open', REQUESTS_PER_MINUTE: '1000000' },
          ...{ PORT: `${ports[0]}`, API_PORT: `${ports[1]}`, METRICS_PORT: `${ports[2]}` },
          PUBLIC_URL: 'http://parley.test',
          DATABASE_URL: `postgresql://postgres@127.0.0.1:${postgres.port}/parley`,
          REDIS_URL: `redis://127.0.0.1:${redis.port}`,
          ...settings,
        };
        const logFile = logs && join(logs, `${role}-${n}.log`);
        members.push(new Member(`${role} ${n}`, { role, env, ports, logFile }, { postgres, redis }));
        // The first one brings the schema.
        if (members.length === 1) await members[0]?.ready();
      }
    await this.ready();
  }

  of(role: Role): readonly Member[] {
    return this.members.filter((member) => member.role === role);
  }

  get faults(): readonly Fault[] {
    return this.members.flatMap(({ faults }) => faults);
  }

  async ready(): Promise<void> {
    await Promise.all(this.members.map((member) => member.ready()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wire of this.#wires) wire.heal();
    await Promise.all(this.members.map((member) => member.end()));
    await Promise.all(this.#wires.map((wire) => wire[Symbol.asyncDispose]()));
  }
}
