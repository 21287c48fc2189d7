import { monotonic, type Time } from './time.ts';
import type { Signalled } from './wrapper.ts';

/** Where a signal says when it will abort. A signal made of others without `withDeadline` says nothing of it. */
const DEADLINE = Symbol('deadline');
type Bounded = AbortSignal & { [DEADLINE]?: number };

/** A ctx that must be given up by some moment. Disposing of it ends the clock, and leaves the ctx as it is. */
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
  const late = new AbortController();
  const signal: Bounded = AbortSignal.any([ctx.signal, late.signal]);
  signal[DEADLINE] = time.now() + ms;
  const timer = setTimeout(() => late.abort(reason()), ms);
  return { ctx: { ...ctx, signal }, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** How long until the signal aborts, as far as is known: Infinity without a deadline, 0 when it has aborted. */
export function remainingMs(signal: AbortSignal, time: Time = monotonic): number {
  if (signal.aborted) return 0;
  const deadline = (signal as Bounded)[DEADLINE];
  return deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(0, deadline - time.now());
}
