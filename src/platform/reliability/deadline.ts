import { monotonic, type Time } from './time.ts';
import type { Signalled } from './wrapper.ts';

/** Where a signal says when it will abort. A signal made of others by `AbortSignal.any` says nothing of it. */
const DEADLINE = Symbol('deadline');
type Bounded = AbortSignal & { [DEADLINE]?: number };

/** A ctx that must be given up by some moment. Disposed of when its work is done: nothing aborts it from then on. */
export type Deadline<C extends Signalled> = Disposable & { readonly ctx: C };

/**
 * The ctx with at most `ms` left: its signal aborts with `reason()` then, or when the signal above it does. A deadline
 * only ever moves forward, so a call within a call cannot outlive the outer one.
 */
export function withDeadline<C extends Signalled>(
  ctx: C,
  { ms, reason, time = monotonic }: { ms: number; reason: () => unknown; time?: Time },
): Deadline<C> {
  const outerMs = remainingMs(ctx.signal, time);
  // The outer one aborts by itself, and with its own reason.
  if (outerMs <= ms) return { ctx, [Symbol.dispose]() {} };
  // By a listener of our own: `AbortSignal.any` costs five times as much, most of it in the garbage collector.
  const either = new AbortController();
  const { signal } = either;
  tellDeadline(signal, ms, time);
  const onAbort = () => either.abort(ctx.signal.reason);
  if (ctx.signal.aborted) onAbort();
  else ctx.signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => either.abort(reason()), ms);
  return {
    ctx: { ...ctx, signal },
    [Symbol.dispose]() {
      clearTimeout(timer);
      ctx.signal.removeEventListener('abort', onAbort);
    },
  };
}

/** Writes on a signal that whoever made it will abort it in `ms`: for those who keep the clock themselves. */
export function tellDeadline(signal: AbortSignal, ms: number, time: Time = monotonic): void {
  (signal as Bounded)[DEADLINE] = time.now() + ms;
}

/** How long until the signal aborts, as far as is known: Infinity without a deadline, 0 when it has aborted. */
export function remainingMs(signal: AbortSignal, time: Time = monotonic): number {
  if (signal.aborted) return 0;
  const deadline = (signal as Bounded)[DEADLINE];
  return deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(0, deadline - time.now());
}
