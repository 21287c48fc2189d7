import type { Clock } from '../../lib/clock.ts';
import { type Limiter, type LimiterLimit, ROUNDING, verdictOf } from './limiter.ts';

type Bucket = { tokens: number; updatedMs: number; fullMs: number };

/** More keys than this are never remembered at once; full buckets are forgotten first. */
const MAX_KEYS = 50_000;

/**
 * Buckets of this process. With several processes each counts by itself.
 */
export function memoryLimiter(clock: Clock, maxKeys = MAX_KEYS): Limiter {
  const buckets = new Map<string, Bucket>();

  /** The bucket as it is now, and whether the cost could be taken from it. */
  function draw(key: string, limit: LimiterLimit, cost: number): { allowed: boolean; bucket: Bucket } {
    const nowMs = clock.now().getTime();
    const bucket = buckets.get(key) ?? { tokens: limit.tokens, updatedMs: nowMs, fullMs: nowMs };
    const perMs = limit.tokens / (limit.windowSeconds * 1_000);
    bucket.tokens = Math.min(limit.tokens, bucket.tokens + Math.max(0, nowMs - bucket.updatedMs) * perMs);
    bucket.updatedMs = nowMs;
    const allowed = bucket.tokens >= cost - ROUNDING;
    if (allowed) bucket.tokens = Math.min(limit.tokens, bucket.tokens - cost);
    bucket.fullMs = nowMs + (limit.tokens - bucket.tokens) / perMs;
    // The newest goes to the end, so that what is dropped first was used longest ago.
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > maxKeys) forget(buckets, nowMs, maxKeys);
    return { allowed, bucket };
  }

  return {
    spend: (key, limit) => draw(key, limit, 1).allowed,
    async take(key, limit, cost = 1) {
      const { allowed, bucket } = draw(key, limit, cost);
      return verdictOf(allowed, bucket.tokens, { limit, cost });
    },
  };
}

/** Drops buckets that are full again, then, if that was not enough, the ones unused for longest. */
function forget(buckets: Map<string, Bucket>, nowMs: number, maxKeys: number): void {
  for (const [key, bucket] of buckets) if (bucket.fullMs <= nowMs) buckets.delete(key);
  const excess = buckets.size - Math.floor(maxKeys * 0.9);
  if (excess <= 0) return;
  let dropped = 0;
  for (const key of buckets.keys()) {
    if (dropped++ >= excess) return;
    buckets.delete(key);
  }
}
