import type { Breaker } from './breaker.ts';

/** Asks a helper that may be missed, and never waits for it: who is refused does without. */
export type Guard = <T>(ask: () => Promise<T>) => Promise<T>;

/** It did not answer in time. Not an AppError: nobody outside is told, since the caller does without. */
export class TooSlow extends Error {
  constructor(ms: number) {
    super(`No answer within ${ms} ms`);
  }
}

type GuardOptions = {
  readonly breaker: Breaker;
  readonly deadlineMs: number;
  /** After one that was late nobody is asked for so long: whoever needs several answers waits once. Default 100. */
  readonly restMs?: number;
};

/**
 * Gives an answer `deadlineMs`, and asks no more for a while when most are late or failed. Answers that arrived while
 * this process itself was busy are taken first: a process that was late is no reason to give its helper up.
 */
export function createGuard({ breaker, deadlineMs, restMs = 100 }: GuardOptions): Guard {
  let restUntil = 0;
  const inTime = <T>(ask: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      // A timer runs before the sockets are read; what is set by `setImmediate`, right after.
      const timer = setTimeout(() => setImmediate(() => setImmediate(late)), deadlineMs);
      const late = () => {
        restUntil = performance.now() + restMs;
        reject(new TooSlow(deadlineMs));
      };
      ask().then(
        (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  return async (ask) => {
    if (restUntil > 0 && performance.now() < restUntil) throw new TooSlow(deadlineMs);
    return breaker.run(() => inTime(ask));
  };
}
