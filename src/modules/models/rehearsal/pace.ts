import { monotonic } from '../../../platform/reliability/time.ts';

/** How fast a rehearsal speaks. `Infinity` does not wait at all. */
export type Pace = { readonly wordsPerSecond: number; readonly firstMs: number };

export const NATURAL: Pace = { wordsPerSecond: 50, firstMs: 120 };
export const INSTANT: Pace = { wordsPerSecond: Number.POSITIVE_INFINITY, firstMs: 0 };

/** Gives the pieces at their pace, by one timer a piece. Throws the signal's reason within the tick that aborts it. */
export async function* paced(pieces: readonly string[], pace: Pace, signal: AbortSignal): AsyncGenerator<string> {
  let due = performance.now() + pace.firstMs;
  for (const piece of pieces) {
    await monotonic.sleep(due - performance.now(), signal);
    yield piece;
    due += (1000 / pace.wordsPerSecond) * Math.max(1, piece.trim().split(/\s+/).length);
  }
}
