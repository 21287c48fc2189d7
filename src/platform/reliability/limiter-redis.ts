import type { Redis } from '../redis/redis.ts';
import { createScript } from '../redis/script.ts';
import type { Guard } from './guard.ts';
import { type Limiter, type LimiterLimit, ROUNDING, type Verdict, verdictOf } from './limiter.ts';

export type RedisLimiterOptions = {
  readonly redis: Redis;
  /** Refuses at once while Redis is away, hangs or is slow. */
  readonly guard: Guard;
  /** Counts for this process alone, for as long as that lasts. */
  readonly fallback: Limiter;
  readonly onVerdict?: (by: 'redis' | 'process', verdict: Verdict) => void;
};

/**
 * The bucket in memory, in Lua: Redis' own clock, in microseconds, and tokens to the last digit. Takes the same cost so
 * many times over, and answers how often it could, and what is left. A bucket is forgotten when it would be full.
 */
const takeScript = createScript(`local capacity = tonumber(ARGV[1])
local perMicrosecond = capacity / (tonumber(ARGV[2]) * 1e6)
local cost = tonumber(ARGV[3])
local granted = tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1e6 + time[2]
local tokens = capacity
local bucket = redis.call('GET', KEYS[1])
if bucket then
  local left, at = string.match(bucket, '^(%S+) (%S+)$')
  tokens = math.min(capacity, tonumber(left) + math.max(0, now - tonumber(at)) * perMicrosecond)
end
if cost > 0 then granted = math.max(0, math.min(granted, math.floor((tokens + ${ROUNDING}) / cost))) end
tokens = math.min(capacity, tokens - granted * cost)
local fullAfter = (capacity - tokens) / perMicrosecond / 1000
if fullAfter < 1 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.17g %.0f', tokens, now), 'PX', string.format('%.0f', math.ceil(fullAfter)))
end
return {granted, string.format('%.17g', tokens)}`);

/** Those of one turn of the event loop who take the same: one question to Redis. */
type Batch = {
  readonly name: string;
  readonly limit: LimiterLimit;
  readonly cost: number;
  readonly waiting: { resolve(verdict: Verdict): void; reject(error: unknown): void }[];
};

/** Buckets in Redis: exact however many processes count. Local while Redis is away. */
export function redisLimiter({ redis, guard, fallback, onVerdict }: RedisLimiterOptions): Limiter {
  const batches = new Map<string, Batch>();

  function send({ name, limit, cost, waiting }: Batch): void {
    const ask = () =>
      takeScript.run(redis.commands, name, limit.tokens, limit.windowSeconds, cost, waiting.length) as Promise<
        [number, string]
      >;
    guard(ask).then(
      ([granted, left]) => {
        const after = (n: number) => Number(left) + Math.max(0, cost) * Math.max(0, granted - 1 - n);
        waiting.forEach(({ resolve }, n) => {
          resolve(verdictOf(n < granted, after(n), { limit, cost }));
        });
      },
      (error: unknown) => {
        for (const { reject } of waiting) reject(error);
      },
    );
  }

  function take(...[key, limit, cost = 1]: Parameters<Limiter['take']>): Promise<Verdict> {
    const name = redis.key('limit', key);
    const same = `${name} ${limit.tokens} ${limit.windowSeconds} ${cost}`;
    if (batches.size === 0)
      setImmediate(() => {
        const all = [...batches.values()];
        batches.clear();
        for (const batch of all) send(batch);
      });
    const batch = batches.get(same) ?? { name, limit, cost, waiting: [] };
    batches.set(same, batch);
    return new Promise((resolve, reject) => batch.waiting.push({ resolve, reject }));
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
