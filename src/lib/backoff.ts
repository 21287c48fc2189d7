export type Backoff = { readonly baseMs: number; readonly capMs: number };

/**
 * How long to wait before the try after `failures` failed ones (1, 2, …): full jitter, so that those who failed
 * together do not come back together. Anything from 0 to base × 2^(failures - 1), capped.
 */
export function fullJitterMs(failures: number, { baseMs, capMs }: Backoff, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 30)));
}
