import { type Backoff, fullJitterMs } from '../../lib/backoff.ts';
import { AppError } from '../http/errors.ts';
import { BreakerOpen } from './breaker.ts';
import type { RetryBudget } from './budget.ts';
import { remainingMs } from './deadline.ts';
import { monotonic, type Time } from './time.ts';
import type { Wrapper } from './wrapper.ts';

/** Why a call was not made again although its error allowed it. */
export type Refusal = 'attempts' | 'budget' | 'deadline';

export type RetryOptions = {
  /** With the first one. */
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  /** Shared by every call to the same service. */
  readonly budget: RetryBudget;
  /** Whether another try may help, and does no harm. Default: a failure of something upstream (5xx). */
  readonly retryable?: (error: unknown) => boolean;
  /** What the other side asked for; it is never asked earlier. Default: the `Retry-After` of an AppError. */
  readonly retryAfterMs?: (error: unknown) => number | undefined;
  /** Longer than this is not waited for: the error is passed on. Default 10,000. */
  readonly maxWaitMs?: number;
  readonly onRetry?: (error: unknown, attempt: number, waitMs: number) => void;
  readonly onRefusal?: (refusal: Refusal) => void;
  readonly random?: () => number;
  readonly time?: Time;
};

/**
 * Makes a call again that failed: with full jitter, while attempts, budget and the ctx's deadline allow it, and never
 * once the signal has aborted. Only for calls that may be repeated: that read, or carry an idempotency key. cockatiel's
 * retry knows no budget and no deadline, and sleeps on when its signal aborts.
 */
export function retry(options: RetryOptions): Wrapper {
  const { budget, backoff, maxAttempts, maxWaitMs = 10_000, random = Math.random, time = monotonic } = options;
  const { retryable = isUpstreamFailure, retryAfterMs = retryAfterOf, onRetry, onRefusal } = options;

  function refusal(attempt: number, waitMs: number, signal: AbortSignal): Refusal | undefined {
    if (attempt >= maxAttempts) return 'attempts';
    if (waitMs > maxWaitMs || waitMs >= remainingMs(signal, time)) return 'deadline';
    return budget.take() ? undefined : 'budget';
  }

  return (next) =>
    async (ctx, ...args) => {
      budget.deposit();
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await next(ctx, ...args);
        } catch (error) {
          if (ctx.signal.aborted || !retryable(error)) throw error;
          const waitMs = Math.max(retryAfterMs(error) ?? 0, fullJitterMs(attempt, backoff, random));
          const refused = refusal(attempt, waitMs, ctx.signal);
          if (refused !== undefined) {
            onRefusal?.(refused);
            throw error;
          }
          onRetry?.(error, attempt, waitMs);
          await time.sleep(waitMs, ctx.signal);
        }
      }
    };
}

/** Something that this server called has failed, in a way that may pass. */
export const isUpstreamFailure = (error: unknown): boolean =>
  error instanceof AppError && error.type === 'upstream' && error.status >= 500 && !(error instanceof BreakerOpen);

function retryAfterOf(error: unknown): number | undefined {
  const text = error instanceof AppError ? error.headers['retry-after'] : undefined;
  return text !== undefined && /^\d+$/.test(text) ? Number(text) * 1_000 : undefined;
}
