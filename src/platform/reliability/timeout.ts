import { AppError } from '../http/errors.ts';
import { withDeadline } from './deadline.ts';
import { monotonic, type Time } from './time.ts';
import type { Wrapper } from './wrapper.ts';

type TimeoutOptions = { readonly name: string; readonly ms: number; readonly time?: Time };

/**
 * Gives a call `ms`, or what is left of the ctx's own deadline where that is less. Its signal aborts then, and whoever
 * waits is told at once (AppError `upstream_timeout`), even when the call does not listen to its signal. cockatiel's
 * timeout tells an abort by the caller as a time-out, and has no deadline above it.
 */
export function timeout({ name, ms, time = monotonic }: TimeoutOptions): Wrapper {
  const reason = () => new AppError('upstream_timeout', { message: `${name} did not answer in time.` });
  return (next) =>
    async (ctx, ...args) => {
      ctx.signal.throwIfAborted();
      using deadline = withDeadline(ctx, { ms, reason, time });
      return await untilAborted(next(deadline.ctx, ...args), deadline.ctx.signal);
    };
}

/** The promise, or the signal's reason once that aborts. What comes of the promise afterwards is nobody's. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
