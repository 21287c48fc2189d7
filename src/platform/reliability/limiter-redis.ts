import type { Redis } from '../redis/redis.ts';
import { createScript } from '../redis/script.ts';
import type { Guard } from './guard.ts';
import { type Limiter, ROUNDING, type Verdict, verdictOf } from './limiter.ts';

export type RedisLimiterOptions = {
  readonly redis: Redis;
  /** Refuses at once while Redis is away, hangs or is slow. */
  readonly guard: Guard;
  /** Counts for this process alone, for as long as that lasts. */
  readonly fallback: Limiter;
  readonly onVerdict?: (by: 'redis' | 'process', verdict: Verdict) => void;
};

/**
 * The bucket in memory, in Lua: Redis' own clock, in microseconds, and tokens to the last digit. A bucket is forgotten
 * when it would be full.
 */
const takeScript = createScript(`local capacity = tonumber(ARGV[1])
local perMicrosecond = capacity / (tonumber(ARGV[2]) * 1e6)
local cost = tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1e6 + time[2]
local tokens = capacity
local bucket = redis.call('GET', KEYS[1])
if bucket then
  local left, at = string.match(bucket, '^(%S+) (%S+)$')
  tokens = math.min(capacity, tonumber(left) + math.max(0, now - tonumber(at)) * perMicrosecond)
end
local allowed = tokens >= cost - ${ROUNDING}
if allowed then tokens = math.min(capacity, tokens - cost) end
local fullAfter = (capacity - tokens) / perMicrosecond / 1000
if fullAfter < 1 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.17g %.0f', tokens, now), 'PX', string.format('%.0f', math.ceil(fullAfter)))
end
return {allowed and 1 or 0, string.format('%.17g', tokens)}`);

/** Buckets in Redis: exact however many processes count. Local while Redis is away. */
export function redisLimiter({ redis, guard, fallback, onVerdict }: RedisLimiterOptions): Limiter {
  async function take(...[key, limit, cost = 1]: Parameters<Limiter['take']>): Promise<Verdict> {
    const name = redis.key('limit', key);
    const ask = () => takeScript.run(redis.commands, name, limit.tokens, limit.windowSeconds, cost);
    const [allowed, left] = (await guard(ask)) as [number, string];
    return verdictOf(allowed === 1, Number(left), { limit, cost });
  }
  return {
    async take(...args) {
      if (redis.state() === 'connected') {
        try {
          const verdict = await take(...args);
          onVerdict?.('redis', verdict);
          return verdict;
        } catch {
          // Counted here, then.
        }
      }
      const verdict = await fallback.take(...args);
      onVerdict?.('process', verdict);
      return verdict;
    },
  };
}
