import { setTimeout as delay } from 'node:timers/promises';
import { pick, type Random } from '../../../src/modules/models/rehearsal/random.ts';
import { connect } from '../connect.ts';
import { ANYWHERE, type Boundary, boundaryOf, LATE, POISON } from './boundaries.ts';
import type { Fleet, Member } from './fleet.ts';
import type { NaiveRelay } from './naive.ts';
import type { Fault } from './proxy.ts';
import type { Stores } from './stores.ts';

export type Scene = {
  readonly fleet: Fleet;
  readonly stores: Stores;
  readonly random: Random;
  /** How long each process is waited for at a named step. */
  readonly stepMs: number;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
};

/** Something that goes wrong. Resolves when it has happened; what ends later by itself (`-CONT`, a healed wire) is `healed`. */
export type Mishap = {
  readonly name: string;
  happen(): Promise<{ readonly sinceMs: number; readonly healed?: Promise<void> }>;
};

/** How long a transaction whose events are written stands before its commit, at most. */
const LATE_MS = 5_000;
/** Three processes die, and each is noticed when its lease has run out. */
const POISONED_MS = 120_000;
const KINDS = [
  ...['kill', 'kill', 'kill', 'pause', 'pause', 'stop'],
  ...['database', 'flush', 'flush', 'redis', 'wire', 'wire', 'wire', 'wire'],
] as const;

/** A mishap by chance. */
export function mishapOf({ fleet, stores, random }: Scene): Mishap {
  const kind = pick(random, KINDS);
  const member = pick(random, fleet.of(random() < 0.4 ? 'api' : 'worker'));
  const who = member.name.split(' ')[0];
  const at = async (work: () => unknown) => {
    const sinceMs = Date.now();
    await work();
    return { sinceMs };
  };
  if (kind === 'kill') return { name: `${who}: kill -9`, happen: () => at(() => member.signal('SIGKILL')) };
  if (kind === 'stop') return { name: `${who}: kill -TERM`, happen: () => at(() => member.signal('SIGTERM')) };
  if (kind === 'database') return { name: 'database: kill -9', happen: () => at(() => stores.killPostgres()) };
  if (kind === 'flush') return { name: 'redis: FLUSHALL', happen: () => at(() => stores.flushRedis()) };
  if (kind === 'redis') return { name: 'redis: kill -9, empty again', happen: () => at(() => stores.restartRedis()) };
  if (kind === 'pause') return { name: `${who}: -STOP, -CONT`, happen: () => pause(member, 300 + random() * 3_500) };
  const store = random() < 0.5 ? 'postgres' : 'redis';
  const fault = pick<Fault>(random, [{ kind: 'cut' }, { kind: 'hang' }, { kind: 'slow', ms: 5 + random() * 20 }]);
  const name = `${who} to ${store}: ${fault.kind}`;
  return { name, happen: () => breakWire(member[store], fault, 200 + random() * 2_500) };
}

async function pause(member: Member, ms: number): Promise<{ sinceMs: number; healed: Promise<void> }> {
  const sinceMs = Date.now();
  member.signal('SIGSTOP');
  return { sinceMs, healed: delay(ms).then(() => member.signal('SIGCONT')) };
}

async function breakWire(wire: Member['postgres'], fault: Fault, ms: number) {
  const sinceMs = Date.now();
  wire.set(fault);
  return { sinceMs, healed: delay(ms).then(() => wire.heal()) };
}

/** Named steps, each in its own mishap: the first process of the role that comes there dies. `missed`: none came. */
export function* stepMishaps(scene: Scene, steps: Iterable<string>, missed: string[]): Generator<Mishap> {
  for (const step of steps)
    yield {
      name: `step: ${step}`,
      happen: async () => {
        const boundary = boundaryOf(step);
        if (boundary === undefined) throw new Error(`There is no step ${step}`);
        if (!(await dieAt(scene, boundary))) missed.push(step);
        return { sinceMs: Date.now() };
      },
    };
}

async function dieAt({ fleet, stepMs }: Scene, { name, role, follows }: Boundary): Promise<boolean> {
  for (const member of fleet.of(role)) {
    await member.ready();
    const die = () => member.dieAt(name, stepMs);
    const other = fleet.of(role).find((one) => one !== member);
    if (follows === undefined || other === undefined) {
      if (await die()) return true;
      continue;
    }
    await other.ready();
    const followed = await other.away(async () => {
      if (follows === ANYWHERE) other.signal('SIGKILL');
      else await other.dieAt(follows, stepMs);
      return die();
    });
    if (followed) return true;
  }
  return false;
}

/** An api stands still between the writing of its events and their commit, until the naive relay has passed them by. */
export const lateCommit = (
  { fleet, stepMs }: Scene,
  { naive, missed }: { naive: NaiveRelay; missed: string[] },
): Mishap => ({
  name: 'api: a late commit',
  happen: async () => {
    for (const member of fleet.of('api')) {
      await member.ready();
      if (!(await member.standAt(LATE.name, stepMs))) continue;
      const sinceMs = Date.now();
      return { sinceMs, healed: naive.passed(LATE_MS).then(() => member.signal('SIGCONT')) };
    }
    missed.push(LATE.name);
    return { sinceMs: Date.now() };
  },
});

/** Whoever handles an event of this tenant for this group dies over it, until it has been put aside. */
export const poison = (
  { fleet, stores, signal }: Scene,
  { tenantId, group, missed }: { tenantId: string; group: string; missed: string[] },
): Mishap => ({
  name: 'worker: an event that kills whoever handles it',
  happen: async () => {
    const workers = fleet.of('worker');
    for (const worker of workers) worker.poison({ step: POISON.name, of: [tenantId, group] });
    const deadline = Date.now() + POISONED_MS;
    const aside = `select from dead_letters where tenant_id = $1 and group_name = $2 and error_code = 'crashes'`;
    let found = 0;
    while (found === 0 && Date.now() < deadline) {
      await delay(100);
      found = await rowsOf(stores.databaseUrl, signal)(aside, [tenantId, group]);
    }
    for (const worker of workers) worker.poison(undefined);
    if (found === 0) missed.push(POISON.name);
    return { sinceMs: Date.now() };
  },
});

export type Sabotage = {
  /** What cannot be written into. */
  readonly table: string;
  /** Whose events must have ended among the dead letters before it can again … */
  readonly tenantIds: readonly string[];
  /** … or so much time gone. */
  readonly withinMs: number;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
};

/** Nothing can be written into a table, until events of each of these tenants have ended in the dead letters for that. */
export async function sabotage(databaseUrl: string, { table, tenantIds, withinMs, signal }: Sabotage): Promise<void> {
  const aside = 'select distinct tenant_id from dead_letters where tenant_id = any($1) and error_message like $2';
  const run = rowsOf(databaseUrl, signal);
  await run(`revoke insert on ${table} from parley_app`);
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(200))
    if ((await run(aside, [tenantIds, `%${table}%`])) === tenantIds.length) break;
  await run(`grant insert on ${table} to parley_app`);
}

/** How many rows it found or changed, as soon as the database is there. */
const rowsOf =
  (databaseUrl: string, signal: AbortSignal) =>
  async (statement: string, values?: unknown[]): Promise<number> => {
    for (;;) {
      try {
        await using db = await connect(databaseUrl);
        return (await db.client.query(statement, values)).rowCount ?? 0;
      } catch {
        await delay(100, undefined, { signal });
      }
    }
  };
