/** What a limiter says of one request. */
export type Verdict = {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the window is whole again (`RateLimit` fields, `Retry-After`). */
  readonly resetSeconds: number;
};

/** Counts requests by key. In-process adapter beside this file; a Redis one joins it in the next issues. */
export interface Limiter {
  take(
    key: string,
    limit: { readonly tokens: number; readonly windowSeconds: number },
    cost?: number,
  ): Promise<Verdict>;
}
