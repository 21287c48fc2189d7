import { Cron } from 'croner';
import type { ScheduleState } from './sql.ts';

/**
 * Work that recurs, once per tick across all processes (a lease a name): after each `everyMs`, or when the clock says so.
 * What was missed while nobody ran is made up for by one run.
 */
export type Schedule = {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
} & (
  | { readonly everyMs: number; readonly cron?: never }
  /** Minute, hour, day of month, month, day of week: `30 3 * * 1-5`. By UTC: it has no hour twice, and none missing. */
  | { readonly cron: string; readonly everyMs?: never }
);

/** What to do about a schedule now. */
export type Decision =
  /** It is due: run it, if this tick can still be taken; the next one is then at `nextAt`. */
  | { readonly run: true; readonly nextAt: Date }
  /** Wait; first moving its time to `moveTo`, where the kept one is not to be believed. */
  | { readonly run: false; readonly inMs: number; readonly moveTo: Date | undefined };

/** Timers are early by this much at times. */
const EARLY_MS = 5;
/** A clock that is set back by less repeats no tick of a cron; by more, it is believed. */
const SET_BACK_MS = 3_600_000;

/** The first time of the cron expression after `after`. Throws for an expression that is none, or that never comes. */
export function nextTick(cron: string, after: Date): Date {
  const next = new Cron(cron, { paused: true, timezone: 'UTC', mode: '5-part' }).nextRun(after);
  if (next === null) throw new Error(`The schedule "${cron}" never comes`);
  return next;
}

/** Pure: `now` is the database's clock, which may jump either way. */
export function decide(schedule: Schedule, { next_run_at: dueAt, last_run_at, now }: ScheduleState): Decision {
  const nowMs = now.getTime();
  const dueMs = dueAt.getTime();
  const from = new Date(Math.max(nowMs, dueMs));
  const { cron, everyMs } = schedule;
  if (dueMs <= nowMs + EARLY_MS)
    return { run: true, nextAt: cron === undefined ? new Date(nowMs + everyMs) : nextTick(cron, from) };
  if (cron === undefined) {
    const latestMs = nowMs + everyMs;
    const moveTo = dueMs > latestMs ? new Date(latestMs) : undefined;
    return { run: false, inMs: Math.min(dueMs, latestMs) - nowMs, moveTo };
  }
  const lastMs = last_run_at?.getTime() ?? 0;
  const expected = nextTick(cron, lastMs > nowMs && lastMs - nowMs <= SET_BACK_MS ? new Date(lastMs) : now);
  const moveTo = expected.getTime() === dueMs ? undefined : expected;
  return { run: false, inMs: expected.getTime() - nowMs, moveTo };
}
