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
  readonly onVerdict?: (by: 'redis' | 'process', allowed: boolean) => void;
};

/** What is leased is at most this part of a bucket, and only while at least half of the bucket is left. */
const LEASED_PART = 1 / 100;

/**
 * The bucket in memory, in Lua: Redis' own clock, in microseconds, and tokens to the last digit. Takes the same cost so
 * many times over, and some tokens more where they are asked for and the bucket is full enough; answers how often it
 * could, what is left, and how many of that are leased. A bucket is forgotten when it would be full.
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
local left = tokens
local leased = 0
if tokens >= capacity / 2 then leased = math.min(tonumber(ARGV[5]), math.floor(capacity * ${LEASED_PART})) end
tokens = tokens - leased
local fullAfter = (capacity - tokens) / perMicrosecond / 1000
if fullAfter < 1 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.17g %.0f', tokens, now), 'PX', string.format('%.0f', math.ceil(fullAfter)))
end
return {granted, string.format('%.17g', left), leased}`);

/** Those of one turn of the event loop who take the same: one question to Redis. */
type Batch = {
  readonly key: string;
  readonly limit: LimiterLimit;
  readonly cost: number;
  readonly waiting: { resolve(verdict: Verdict): void; reject(error: unknown): void }[];
};

/** Tokens that are taken from the bucket already, for requests that will come. */
type Lease = { readonly limit: LimiterLimit; tokens: number; size: number; untilMs: number; asked: boolean };

/** What is not spent by then is lost: little, since a lease is no larger than what was spent in half of this before. */
const LEASE_MS = 1_000;
const SMALLEST_LEASE = 8;
const LARGEST_LEASE = 1_000;
const MAX_LEASES = 10_000;

/**
 * Buckets in Redis, for however many processes: together they never let in more than the limit. Who asks often is given
 * tokens in advance, so that most of its requests wait for nobody; these are missing elsewhere for a second at most, and
 * there are none once half of a bucket is used. Local while Redis is away.
 */
export function redisLimiter({ redis, guard, fallback, onVerdict }: RedisLimiterOptions): Limiter {
  let batches = new Map<string, Batch>();
  const leases = new Map<string, Lease>();

  function send({ key, limit, cost, waiting }: Batch): void {
    const lease = cost === 1 ? leaseFor(leases, key, limit) : undefined;
    const extra = lease?.size ?? 0;
    if (lease) lease.asked = true;
    const ask = () =>
      takeScript.run(
        redis.commands,
        redis.key('limit', key),
        ...[limit.tokens, limit.windowSeconds, cost, waiting.length, extra],
      ) as Promise<[number, string, number]>;
    guard(ask)
      .finally(() => {
        if (lease) lease.asked = false;
      })
      .then(
        ([granted, left, leased]) => {
          if (lease) lease.tokens += leased;
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
    const same = `${key} ${limit.tokens} ${limit.windowSeconds} ${cost}`;
    if (batches.size === 0)
      setImmediate(() => {
        const all = batches;
        // A new one, not an emptied one: see `cache-redis.ts`.
        batches = new Map();
        for (const batch of all.values()) send(batch);
      });
    const batch = batches.get(same) ?? { key, limit, cost, waiting: [] };
    batches.set(same, batch);
    return new Promise((resolve, reject) => batch.waiting.push({ resolve, reject }));
  }

  return {
    spend(key, limit) {
      if (redis.state() !== 'connected') {
        const allowed = fallback.spend(key, limit);
        if (allowed) onVerdict?.('process', true);
        return allowed;
      }
      const lease = leases.get(key);
      if (lease === undefined) keep(leases, key, { limit, tokens: 0, size: 0, untilMs: 0, asked: false });
      if (lease === undefined || lease.tokens < 1 || lease.limit !== limit || lease.untilMs < performance.now())
        return false;
      lease.tokens -= 1;
      onVerdict?.('redis', true);
      return true;
    },
    async take(...args) {
      if (redis.state() === 'connected') {
        try {
          const verdict = await take(...args);
          onVerdict?.('redis', verdict.allowed);
          return verdict;
        } catch {
          // Counted here, then.
        }
      }
      const verdict = await fallback.take(...args);
      onVerdict?.('process', verdict.allowed);
      return verdict;
    },
  };
}

/**
 * The lease to be filled with this question. Nothing at first; whoever is back before its time is over is given twice as
 * much as the last time. Undefined where nobody spends from one, or while it is being filled.
 */
function leaseFor(leases: Map<string, Lease>, key: string, limit: LimiterLimit): Lease | undefined {
  const old = leases.get(key);
  if (old === undefined || old.asked) return undefined;
  const nowMs = performance.now();
  const inTime = old.limit === limit && old.untilMs >= nowMs;
  const size = inTime ? Math.min(LARGEST_LEASE, Math.max(SMALLEST_LEASE, old.size * 2)) : 0;
  const lease = { limit, size, tokens: inTime ? old.tokens : 0, untilMs: nowMs + LEASE_MS, asked: false };
  keep(leases, key, lease);
  return lease;
}

/** The newest goes to the end, so that what is dropped first was asked for longest ago. */
function keep(leases: Map<string, Lease>, key: string, lease: Lease): void {
  leases.delete(key);
  if (leases.size >= MAX_LEASES) for (const first of leases.keys()) if (leases.delete(first)) break;
  leases.set(key, lease);
}
