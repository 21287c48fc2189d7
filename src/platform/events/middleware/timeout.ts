import { tellDeadline } from '../../reliability/deadline.ts';
import type { Handle } from './delivery.ts';

/** A handler took longer than its group allows. */
export class TimedOut extends Error {
  readonly code = 'timeout';
  constructor(ms: number) {
    super(`The handler took longer than ${ms} ms`);
  }
}

/**
 * Aborts the ctx's signal after `ms`, and does not wait for a handler that ignores it: its transaction cannot commit
 * any more, because a transaction asks that signal before it does.
 */
export function timed(next: Handle, ms: number): Handle {
  return async (delivery) => {
    const abort = new AbortController();
    const signal = AbortSignal.any([delivery.ctx.signal, abort.signal]);
    tellDeadline(signal, ms);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new TimedOut(ms);
        abort.abort(error);
        reject(error);
      }, ms);
    });
    try {
      await Promise.race([next({ ...delivery, ctx: { ...delivery.ctx, signal } }), late]);
    } finally {
      clearTimeout(timer);
    }
  };
}
