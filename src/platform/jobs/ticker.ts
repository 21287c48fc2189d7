import type { Db } from '../db/queries.ts';
import type { Keeping, Lease, Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Schedule } from './schedule.ts';
import * as q from './sql.ts';

type Deps = {
  readonly db: Db;
  readonly leases: Leases;
  readonly schedules: readonly Schedule[];
  readonly log: Logger;
};

/** When the database cannot be asked for a schedule's time. */
const RETRY_MS = 1000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs schedules: each tick once across all processes, by the one that holds the schedule's lease, and never two
 * ticks at once. The next time is kept in the database, so a restart neither repeats a daily run nor forgets it. Asks
 * the database only when something is due.
 */
export function createTicker({ db, leases, schedules, log: parent }: Deps): Service {
  const log = parent.child('schedules');
  const byLease = new Map(schedules.map((schedule) => [`schedule/${schedule.name}`, schedule]));
  if (byLease.size < schedules.length) throw new Error('Two schedules have the same name');
  const timers = new Map<string, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  let keeping: Keeping | undefined;

  function arm(lease: Lease, inMs: number): void {
    if (lease.signal.aborted || stopping.signal.aborted) return;
    clearTimeout(timers.get(lease.name));
    const timer = setTimeout(
      () => {
        const run = tick(lease).finally(() => running.delete(run));
        running.add(run);
      },
      Math.min(Math.max(0, inMs), MAX_TIMER_MS),
    );
    timers.set(lease.name, timer);
  }

  async function tick(lease: Lease): Promise<void> {
    const schedule = byLease.get(lease.name);
    if (schedule === undefined || lease.signal.aborted || stopping.signal.aborted) return;
    const { name, everyMs } = schedule;
    let inMs = RETRY_MS;
    try {
      const taken = await db.system.first(q.takeTick({ name, everyMs, lease: lease.name, fence: lease.fence }));
      if (taken) await schedule.run(AbortSignal.any([lease.signal, stopping.signal]));
    } catch (error) {
      if (!stopping.signal.aborted) log.error('a schedule failed', { schedule: name, error });
    }
    try {
      inMs = (await db.system.first(q.scheduleDue(name)))?.in_ms ?? RETRY_MS;
    } catch (error) {
      log.warn('could not ask when a schedule is due', { schedule: name, error });
    }
    arm(lease, inMs);
  }

  return {
    name: 'schedules',
    async start() {
      if (stopping.signal.aborted || keeping) return;
      for (const { name } of schedules) await db.system.first(q.scheduleDue(name));
      keeping = leases.keep([...byLease.keys()], (lease) => arm(lease, 0));
    },
    async stop() {
      stopping.abort();
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(running);
      await keeping?.release();
      keeping = undefined;
    },
  };
}
