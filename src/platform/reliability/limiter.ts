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
  /** A cost below zero gives back. */
  take(key: string, limit: LimiterLimit, cost?: number): Promise<Verdict>;
}

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
    remaining: Math.max(0, Math.floor(left)),
    resetSeconds: (allowed ? limit.tokens - left : cost - left) / perSecond,
  };
}
