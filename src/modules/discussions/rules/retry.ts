import type { ErrorCode } from '../../../platform/http/errors.ts';

/** Failures of this server: too much is going on, or the database is away. */
const OURS: ReadonlySet<string> = new Set<ErrorCode>(['overloaded', 'unavailable']);
/** Failures that may pass by themselves. All others would only fail again. */
const PASSING: ReadonlySet<string> = new Set<string>(['model_rate_limited', 'model_unavailable', ...OURS]);
const MAX_FAILURES = 3;
const BASE_MS = 1_000;
const MAX_WAIT_MS = 120_000;

export type FailedAttempt = {
  readonly code: string;
  /** How often this turn has failed, this time included, since somebody last set it in motion. */
  readonly failures: number;
  /** Whether something had been said: the models module tries only what has not begun to answer. */
  readonly begun: boolean;
  /** What the provider asked for (`Retry-After`); 0 when it did not. */
  readonly askedMs: number;
};

/**
 * Milliseconds until a failed turn is begun anew, or null when it is not. Each failure is retried in one layer only:
 * here what broke off in the middle, what a provider asks to have put off for longer than a call may wait, and
 * what failed before any provider was asked.
 */
export function retryAfter({ code, failures, begun, askedMs }: FailedAttempt): number | null {
  if (!PASSING.has(code) || failures >= MAX_FAILURES || askedMs > MAX_WAIT_MS) return null;
  if (!begun && askedMs === 0 && !OURS.has(code)) return null;
  return Math.max(askedMs, BASE_MS * 2 ** (failures - 1));
}
