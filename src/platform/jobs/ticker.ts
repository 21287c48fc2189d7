import type { Db } from '../db/queries.ts';
import type { Keeping, Lease, Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createTracer, type Tracer } from '../telemetry/trace.ts';
import { decide, nextTick, type Schedule } from './schedule.ts';
import * as q from './sql.ts';

type Deps = {
  readonly db: Db;
  readonly leases: Leases;
  readonly schedules: readonly Schedule[];
  readonly log: Logger;
  readonly metrics?: Metrics;
  readonly tracer?: Tracer;
};

/** When the database cannot be asked for a schedule's time. */
const RETRY_MS = 1000;
/** Asked again at least so often: the database's clock may have been set meanwhile. */
const MAX_TIMER_MS = 60_000;

/**
 * Runs schedules: each tick once across all processes, by the one that holds the schedule's lease, and never two
 * ticks at once. The next time is kept in the database, so a restart neither repeats a daily run nor forgets it. Only the
 * database's clock counts; what this process thinks of the time is of no weight.
 */
export function createTicker({ db, leases, schedules, log: parent, metrics, tracer = createTracer() }: Deps): Service {
  const log = parent.child('schedules');
  const byLease = new Map(schedules.map((schedule) => [`schedule/${schedule.name}`, schedule]));
  if (byLease.size < schedules.length) throw new Error('Two schedules have the same name');
  const count = meter(metrics);
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
    try {
      arm(lease, await look(schedule, lease));
    } catch (error) {
      log.warn('could not ask when a schedule is due', { schedule: schedule.name, error });
      arm(lease, RETRY_MS);
    }
  }

  /** Runs what is due; answers in how many milliseconds to look again. */
  async function look(schedule: Schedule, lease: Lease): Promise<number> {
    const { name } = schedule;
    const state = await db.system.first(q.scheduleState(name));
    if (state === undefined) {
      await enter(schedule);
      return 0;
    }
    const decision = decide(schedule, state);
    if (!decision.run) {
      if (decision.moveTo) await db.system.run(q.moveTick(name, state.next_run_at, decision.moveTo));
      return decision.inMs;
    }
    const tick = { name, dueAt: state.next_run_at, nextAt: decision.nextAt, lease: lease.name, fence: lease.fence };
    if (await db.system.first(q.takeTick(tick))) await run(schedule, lease);
    return 0;
  }

  async function run(schedule: Schedule, lease: Lease): Promise<void> {
    const { name } = schedule;
    const begunMs = performance.now();
    const span = tracer.start(`schedule ${name}`, undefined);
    let failure: unknown;
    try {
      await schedule.run(AbortSignal.any([lease.signal, stopping.signal]));
    } catch (error) {
      failure = error;
      span.fail(error);
    }
    span.end();
    const durationMs = performance.now() - begunMs;
    const fields = { schedule: name, trace_id: span.trace.traceId, duration_ms: Math.round(durationMs * 100) / 100 };
    if (failure !== undefined && stopping.signal.aborted) return;
    count(name, failure === undefined, durationMs / 1000);
    if (failure === undefined) log.info('a schedule ran', fields);
    else log.error('a schedule failed', { ...fields, error: failure });
  }

  /** A new one with an interval is due at once, one with a cron expression at its first time. */
  async function enter({ name, cron }: Schedule): Promise<void> {
    const now = cron === undefined ? undefined : (await db.system.first(q.clockNow))?.now;
    await db.system.run(q.enterSchedule(name, cron !== undefined && now ? nextTick(cron, now) : undefined));
  }

  return {
    name: 'schedules',
    async start() {
      if (stopping.signal.aborted || keeping) return;
      for (const schedule of schedules) await enter(schedule);
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

function meter(metrics: Metrics | undefined): (schedule: string, ok: boolean, seconds: number) => void {
  const runs = metrics?.counter({
    name: 'schedule_runs_total',
    help: 'Runs of schedules in this process, by how they ended. All processes together run each tick once.',
    labels: ['schedule', 'outcome'],
  });
  const seconds = metrics?.gauge({
    name: 'schedule_last_duration_seconds',
    help: 'How long the last run of the schedule in this process took.',
    labels: ['schedule'],
  });
  const at = metrics?.gauge({
    name: 'schedule_last_success_timestamp_seconds',
    help: 'When a run of the schedule in this process last ended well, in Unix time.',
    labels: ['schedule'],
  });
  return (schedule, ok, took) => {
    runs?.labels(schedule, ok ? 'ok' : 'failed').inc();
    seconds?.labels(schedule).set(took);
    if (ok) at?.labels(schedule).set(Date.now() / 1000);
  };
}
