import { AppError } from '../http/errors.ts';
import type { Wrapper } from './wrapper.ts';

export type BulkheadOptions = {
  readonly name: string;
  /** How many run at once. */
  readonly limit: number;
  /** How many may wait for that. */
  readonly queue: number;
  readonly onRefusal?: () => void;
};

/** Keeps a slow part from taking everything: so many at once, so many in line, and the rest is told to come back. */
export type Bulkhead = {
  readonly name: string;
  readonly limit: number;
  inUse(): number;
  waiting(): number;
  /** Throws AppError `overloaded` when the line is full, and the signal's reason when that aborts in line. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  readonly wrap: Wrapper;
};

/**
 * First come, first served. A slot goes from whoever leaves to whoever waits longest without being free in between:
 * in cockatiel's a newcomer of the same turn takes it, and whoever waited goes to the end of the line or, where that is
 * full, is refused; and who gives up in line keeps its place there.
 */
export function createBulkhead({ name, limit, queue, onRefusal }: BulkheadOptions): Bulkhead {
  const line = new Set<() => void>();
  let inUse = 0;

  async function enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (inUse < limit) {
      inUse += 1;
      return;
    }
    if (line.size >= queue) {
      onRefusal?.();
      throw new AppError('overloaded', { headers: { 'retry-after': '1' } });
    }
    await new Promise<void>((resolve, reject) => {
      const takeSlot = () => {
        line.delete(takeSlot);
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        line.delete(takeSlot);
        reject(signal?.reason);
      };
      line.add(takeSlot);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  function leave(): void {
    const [longestWaiting] = line;
    if (longestWaiting === undefined) inUse -= 1;
    else longestWaiting();
  }

  async function run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await enter(signal);
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      leave();
    }
  }

  return {
    ...{ name, limit, run },
    inUse: () => inUse,
    waiting: () => line.size,
    wrap:
      (next) =>
      (ctx, ...args) =>
        run(() => next(ctx, ...args), ctx.signal),
  };
}
