/** What a limiter says of one request. */
export type Verdict = {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the window is whole again (`RateLimit` fields, `Retry-After`). */
  readonly resetSeconds: number;
};

export type LimiterLimit = { readonly tokens: number; readonly windowSeconds: number };

/** Counts requests by key, in token buckets: `tokens` at once, refilled evenly over the window. */
export interface Limiter {
  /**
   * Takes one token where this process can say yes by itself. False says nothing: `take` then decides. Most requests are
   * let in by this, without a promise.
   */
  spend(key: string, limit: LimiterLimit): boolean;
  /** A cost below zero gives back. */
  take(key: string, limit: LimiterLimit, cost?: number): Promise<Verdict>;
}

/** Eight tokens that were refilled bit by bit may be 7.999999999 in floats; nobody is refused for that, and it is owed. */
export const ROUNDING = 1e-6;

/** What is told of a bucket with so many tokens left. */
export function verdictOf(
  allowed: boolean,
  left: number,
  { limit, cost }: { limit: LimiterLimit; cost: number },
): Verdict {
  const perSecond = limit.tokens / limit.windowSeconds;
  return {
    allowed,
    limit: limit.tokens,
    remaining: Math.max(0, Math.floor(left + ROUNDING)),
    resetSeconds: Math.max(0, allowed ? limit.tokens - left : cost - left) / perSecond,
  };
}
