import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, fullJitterMs } from '../../../lib/backoff.ts';
import { isConnectionError } from '../../db/errors.ts';
import { PermanentError } from '../../jobs/define.ts';
import { Fenced, type Handle } from './delivery.ts';

export type RetryOptions = {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  readonly onRetry: (error: unknown, failures: number, delayMs: number) => void;
};

/** The attempts are used up, or the error said that another would be useless. The last error is the cause. */
export class Exhausted extends Error {
  readonly attempts: number;
  constructor(attempts: number, cause: unknown) {
    super(`Failed ${attempts} times`, { cause });
    this.attempts = attempts;
  }
}

/**
 * Tries again with full jitter, up to `maxAttempts`. A database that is away is not the event's fault: it is waited
 * for, uncounted. Ends at once when the ctx's signal aborts.
 */
export function retried(next: Handle, { maxAttempts, backoff, onRetry }: RetryOptions): Handle {
  return async (delivery) => {
    const { signal } = delivery.ctx;
    let failures = 0;
    let waits = 0;
    for (;;) {
      try {
        return await next(delivery);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Fenced) throw error;
        const away = isAway(error);
        if (!away) failures++;
        if (error instanceof PermanentError || failures >= maxAttempts) throw new Exhausted(failures, error);
        const delayMs = fullJitterMs(away ? ++waits : failures, backoff);
        onRetry(error, failures, delayMs);
        await delay(delayMs, undefined, { signal });
      }
    }
  };
}

const isAway = (error: unknown): boolean =>
  isConnectionError(error) || (error instanceof Error && isConnectionError(error.cause));
