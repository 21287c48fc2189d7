import { hostname } from 'node:os';
import { uuidv7 } from '../../lib/ids.ts';
import type { Db } from '../db/queries.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import { excess } from './shares.ts';
import * as q from './sql.ts';

/** Something that only one process does. Whatever is written in its name is checked against `fence`. */
export type Lease = {
  readonly name: string;
  /** Grows with every change of holder. */
  readonly fence: number;
  /** The holder before this one ended without giving it back. */
  readonly crashed: boolean;
  /** Aborts when the lease is lost or given back. */
  readonly signal: AbortSignal;
};

export type Keeping = {
  readonly tried: Promise<void>;
  /** Of these names, or of all. */
  release(names?: readonly string[]): Promise<void>;
};

export interface Leases extends Service {
  /** Who this process is in `processes`, `leases.holder` and `jobs.holder`. */
  readonly processId: string;
  /**
   * Tries for these leases from now on; `onHeld` is called each time that one is won (again). `release` gives back
   * what is held and stops trying: call it when the work under them has ended. `tried` resolves after the first try.
   */
  keep(names: readonly string[], onHeld: (lease: Lease) => void): Keeping;
  /** Tries now for what is missing: another process has said that it gave something back. */
  look(): void;
  /** This process is stopping, which may take seconds: others need not leave it a share any more. */
  retire(): Promise<void>;
  /** Whether the last heartbeat is recent enough for others to believe that this process lives. */
  alive(): boolean;
  /**
   * Declares every other process dead, at once. Only for the one that owns the database (a session lock), after a
   * `kill -9`: what its predecessor held is free without waiting.
   */
  freeDead(): Promise<void>;
}

const BEAT_MS = 500;

/** How often a process looks whether it holds more than its share. */
const SHARE_MS = 3_000;
/** How long what was given back to others is left to them. */
const LEAVE_MS = 2_000;
/** What nobody took is kept for so long before it is offered again. */
const STAY_MS = 60_000;

/** What is known of a process whose row is new. */
const NOTHING = JSON.stringify({ roles: [], breakers: [] });

type Wanted = {
  readonly onHeld: (lease: Lease) => void;
  held: { lease: Lease; abort: AbortController } | undefined;
  /** The fence under which it was given back for others to take. */
  offered?: number;
  notBeforeMs: number;
  stayUntilMs: number;
};

type LeasesDeps = {
  readonly db: Db;
  readonly log: Logger;
  /** What this process does, as others are told. */
  readonly roles?: readonly string[];
  /** How its breakers stand. Looked at with every beat; what has changed is told. */
  readonly breakers?: () => q.Described['breakers'];
  /** Processes with this role want the same leases, and share them. Absent: whoever comes first keeps what it got. */
  readonly among?: string | undefined;
  readonly shareMs?: number;
  /** Something was given back: others may have it at once. */
  readonly onReleased?: () => void;
};

export const createLeases = (deps: LeasesDeps): Leases => new ProcessLeases(deps);

/**
 * One row a process is the heartbeat of everything it holds. Losing a lease is noticed here within a beat; until
 * then the fence makes what this process still writes miss.
 */
class ProcessLeases implements Leases {
  readonly name = 'leases';
  readonly processId = uuidv7();
  readonly #db: Db;
  readonly #log: Logger;
  #roles: readonly string[];
  readonly #breakers: () => q.Described['breakers'];
  /** What was last told of this process. */
  #described = NOTHING;
  #among: string | undefined;
  readonly #shareMs: number;
  readonly #onReleased: () => void;
  readonly #wanted = new Map<string, Wanted>();
  #lastBeatMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #trying: Promise<void> = Promise.resolve();
  #sharedAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor({
    db,
    log,
    roles = [],
    breakers = () => [],
    among,
    shareMs = SHARE_MS,
    onReleased = () => {},
  }: LeasesDeps) {
    this.#db = db;
    this.#log = log.child('leases');
    this.#roles = roles;
    this.#breakers = breakers;
    this.#among = among;
    this.#shareMs = shareMs;
    this.#onReleased = onReleased;
  }

  async start(): Promise<void> {
    if (this.#stopped || this.#timer) return;
    await this.#db.system.run(q.forgetDead);
    await this.#beat();
    if (this.#stopped) return;
    this.#timer = setInterval(() => void this.#tick(), BEAT_MS);
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#beating;
    if (this.#lastBeatMs === Number.NEGATIVE_INFINITY) return;
    this.#loseAll();
    this.#lastBeatMs = Number.NEGATIVE_INFINITY;
    try {
      await this.#db.system.run(q.leave(this.processId));
    } catch (error) {
      // Others take over when the ttl has passed.
      this.#log.warn('could not give back leases', { error });
    }
  }

  keep(names: readonly string[], onHeld: (lease: Lease) => void): Keeping {
    for (const name of names) {
      if (this.#wanted.has(name)) throw new Error(`Lease ${name} is wanted twice in one process`);
      this.#wanted.set(name, { onHeld, held: undefined, notBeforeMs: 0, stayUntilMs: 0 });
    }
    return {
      tried: this.alive() ? this.#tryNow() : Promise.resolve(),
      release: async (given = names) => {
        const held = given.filter((name) => this.#wanted.get(name)?.held !== undefined);
        for (const name of given) this.#drop(name);
        for (const name of given) this.#wanted.delete(name);
        if (held.length === 0 || !this.alive()) return;
        await this.#db.system.run(q.release(held, this.processId));
        this.#onReleased();
      },
    };
  }

  look(): void {
    if (this.alive()) void this.#tryNow();
  }

  async retire(): Promise<void> {
    const among = this.#among;
    if (among === undefined) return;
    this.#among = undefined;
    this.#roles = this.#roles.filter((role) => role !== among);
    if (!this.alive()) return;
    await this.#describe().catch((error: unknown) =>
      this.#log.warn('could not say that this process stops', { error }),
    );
  }

  alive(): boolean {
    return performance.now() - this.#lastBeatMs < q.LEASE_TTL_MS;
  }

  async freeDead(): Promise<void> {
    await this.#db.system.run(q.declareOthersDead(this.processId));
  }

  /** Beats do not overlap: a slow database must not collect them. */
  #tick(): Promise<void> {
    this.#beating ??= this.#beatAndTry().finally(() => {
      this.#beating = undefined;
    });
    // The stall guard: whoever could not beat for a whole ttl may have been replaced already.
    if (!this.alive()) this.#loseAll();
    return this.#beating;
  }

  async #beatAndTry(): Promise<void> {
    try {
      await this.#beat();
      await this.#tryNow();
      await this.#share();
    } catch (error) {
      this.#log.warn('heartbeat failed', { error });
    }
  }

  async #beat(): Promise<void> {
    const begun = performance.now();
    const row = await this.#db.system.first(q.beat({ id: this.processId, host: hostname(), pid: process.pid }));
    this.#lastBeatMs = begun;
    if (!row?.kept) this.#described = NOTHING;
    await this.#describe();
    if (!row?.kept) await this.#dropLost();
  }

  /** Tells others what has changed in what this process does. */
  async #describe(): Promise<void> {
    const now = { roles: this.#roles, breakers: this.#breakers() };
    const text = JSON.stringify(now);
    if (text === this.#described) return;
    await this.#db.system.run(q.describe(this.processId, now));
    this.#described = text;
  }

  /** After a silence: keeps what nobody has taken meanwhile. */
  async #dropLost(): Promise<void> {
    const rows = await this.#db.system.all(q.heldBy(this.processId));
    const fences = new Map(rows.map(({ name, fence }) => [name, fence]));
    for (const [name, { held }] of this.#wanted) {
      if (held && fences.get(name) !== held.lease.fence) this.#drop(name);
    }
  }

  /** One question at a time: a second one, asked meanwhile, would take again what the first has just been given. */
  #tryNow(): Promise<void> {
    this.#trying = this.#trying.then(() => this.#ask());
    return this.#trying;
  }

  async #ask(): Promise<void> {
    const nowMs = performance.now();
    const missing = [...this.#wanted]
      .filter(([, wanted]) => !wanted.held && wanted.notBeforeMs <= nowMs)
      .map(([name]) => name);
    if (missing.length === 0 || this.#stopped) return;
    const rows = await this.#db.system.all(q.acquire(missing.sort(), this.processId)).catch((error: unknown) => {
      this.#log.warn('could not ask for leases', { error });
      return [];
    });
    const crashed = rows.filter((row) => row.crashed).length;
    if (crashed > 0) this.#log.info('took over leases of a process that had died', { count: crashed });
    for (const row of rows) this.#win(row);
  }

  #win({ name, fence, crashed }: q.Acquired): void {
    const wanted = this.#wanted.get(name);
    if (wanted === undefined || this.#stopped) {
      // Given up while the question was on its way.
      void this.#db.system.run(q.release([name], this.processId)).catch(() => {});
      return;
    }
    wanted.held?.abort.abort();
    const abort = new AbortController();
    const lease: Lease = { name, fence, crashed, signal: abort.signal };
    wanted.held = { lease, abort };
    if (wanted.offered === fence - 1) wanted.stayUntilMs = performance.now() + STAY_MS;
    delete wanted.offered;
    wanted.onHeld(lease);
  }

  /** Gives others what is more than this process's share. Work under way there fails at its fence, and is theirs. */
  async #share(): Promise<void> {
    const nowMs = performance.now();
    if (this.#among === undefined || this.#stopped || nowMs - this.#sharedAtMs < this.#shareMs) return;
    this.#sharedAtMs = nowMs;
    const row = await this.#db.system.first(q.countLiving(this.#among));
    const held = [...this.#wanted].filter(([, { held: mine }]) => mine).map(([name]) => name);
    const given = excess(held, [...this.#wanted.keys()], row?.count ?? 1).filter(
      (name) => (this.#wanted.get(name)?.stayUntilMs ?? 0) <= nowMs,
    );
    if (given.length === 0) return;
    for (const name of given) {
      const wanted = this.#wanted.get(name) as Wanted;
      wanted.offered = wanted.held?.lease.fence ?? 0;
      wanted.notBeforeMs = nowMs + LEAVE_MS;
      this.#drop(name);
    }
    await this.#db.system.run(q.release(given, this.processId));
    this.#log.info('gave leases to other processes', { count: given.length });
    this.#onReleased();
  }

  #drop(name: string): void {
    const wanted = this.#wanted.get(name);
    wanted?.held?.abort.abort();
    if (wanted) wanted.held = undefined;
  }

  #loseAll(): void {
    for (const name of this.#wanted.keys()) this.#drop(name);
  }
}
