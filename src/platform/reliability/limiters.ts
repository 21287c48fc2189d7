import type { Clock } from '../../lib/clock.ts';
import type { Redis } from '../redis/redis.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Guard } from './guard.ts';
import type { Limiter } from './limiter.ts';
import { memoryLimiter } from './limiter-memory.ts';
import { redisLimiter } from './limiter-redis.ts';

type Deps = {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Where processes count together. */
  readonly shared?: { readonly redis: Redis; readonly guard: Guard } | undefined;
};

/** The process's limiter: together with the others where there is a Redis, else by itself; with its metrics. */
export function createLimiter({ clock, metrics, shared }: Deps): Limiter {
  const verdicts = metrics.counter({
    name: 'limiter_verdicts_total',
    help: 'Requests counted against a limit, by verdict (allowed, refused) and by who counted: redis for all processes together, or process for this one alone (no Redis is set, or it is away).',
    labels: ['by', 'verdict'],
  });
  const children = {
    redis: { allowed: verdicts.labels('redis', 'allowed'), refused: verdicts.labels('redis', 'refused') },
    process: { allowed: verdicts.labels('process', 'allowed'), refused: verdicts.labels('process', 'refused') },
  };
  const onVerdict = (by: 'redis' | 'process', allowed: boolean) => children[by][allowed ? 'allowed' : 'refused'].inc();

  const local = memoryLimiter(clock);
  if (shared) return redisLimiter({ ...shared, fallback: local, onVerdict });
  return {
    spend(key, limit) {
      const allowed = local.spend(key, limit);
      if (allowed) onVerdict('process', true);
      return allowed;
    },
    async take(key, limit, cost) {
      const verdict = await local.take(key, limit, cost);
      onVerdict('process', verdict.allowed);
      return verdict;
    },
  };
}
