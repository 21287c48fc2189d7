import type { Redis } from '../redis/redis.ts';
import type { Guard } from '../reliability/guard.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Aside, type AsideCount, type AsideOptions, createAside } from './aside.ts';
import { memoryCache } from './cache-memory.ts';
import { redisCache } from './cache-redis.ts';

/** What the system page shows of one cache, since the process started. */
export type CacheSnapshot = {
  readonly name: string;
  readonly hits: number;
  readonly misses: number;
  readonly stale: number;
  readonly fills: number;
  readonly waits: number;
  /** Hits (also of the word that there is nothing) among all; null before anything was asked. */
  readonly hitRatio: number | null;
};

/** The process's caches, each under a name of its own; with their metrics. They share one store, and its memory. */
export type Caches = {
  aside(options: Omit<AsideOptions, 'cache' | 'onCount'>): Aside;
  snapshot(): {
    readonly entries: number;
    readonly bytes: number;
    readonly caches: readonly CacheSnapshot[];
  };
};

type Counts = Record<AsideCount, number>;

type Deps = {
  readonly metrics: Metrics;
  /** What processes share, where they do. */
  readonly shared?: { readonly redis: Redis; readonly guard: Guard } | undefined;
};

export function createCaches({ metrics, shared }: Deps): Caches {
  const evictions = metrics.counter({
    name: 'cache_evictions_total',
    help: 'Entries that were put out of the memory of this process because its share for caches was full.',
  });
  const local = memoryCache({ onEvict: () => evictions.inc() });
  const cache = shared ? redisCache({ ...shared, fallback: local }) : local;
  const counts = new Map<string, Counts>();
  const counters = countersOf(metrics);
  const usage = () => cache.usage?.() ?? { entries: 0, bytes: 0 };
  measureStore(metrics, usage);
  return {
    aside(options) {
      const { name } = options;
      if (counts.has(name)) throw new Error(`There are two caches named ${name}`);
      const mine = nothing();
      counts.set(name, mine);
      const children = counters(name);
      const onCount = (what: AsideCount) => {
        mine[what] += 1;
        children[what].inc();
      };
      return createAside({ ...options, cache, onCount });
    },
    snapshot: () => ({ ...usage(), caches: [...counts].map(([name, of]) => snapshotOf(name, of)) }),
  };
}

const nothing = (): Counts => ({
  ...{ hit: 0, negative: 0, stale: 0, miss: 0, wait_here: 0 },
  ...{ fill: 0, fill_failed: 0, fill_outdated: 0, wait_elsewhere: 0 },
});

function snapshotOf(name: string, counts: Counts): CacheSnapshot {
  const hits = counts.hit + counts.negative;
  const all = hits + counts.miss + counts.stale;
  return {
    ...{ name, hits, misses: counts.miss, stale: counts.stale, fills: counts.fill },
    waits: counts.wait_here + counts.wait_elsewhere,
    hitRatio: all === 0 ? null : hits / all,
  };
}

/** The counters' children of one cache, by what is counted. */
function countersOf(metrics: Metrics) {
  const requests = metrics.counter({
    name: 'cache_requests_total',
    help: 'Look-ups in a cache: a fresh text was there (hit), or fresh word that there is none (negative), an old text was given out because loading failed or was slow (stale), or it was loaded (miss).',
    labels: ['cache', 'result'],
  });
  const fills = metrics.counter({
    name: 'cache_fills_total',
    help: 'Loads to fill a cache, by how they went: all of them (begun), those that failed, and those whose result was not kept because it had changed meanwhile (outdated).',
    labels: ['cache', 'outcome'],
  });
  const waits = metrics.counter({
    name: 'cache_waits_total',
    help: 'Look-ups that waited for a load which was under way: in the same process (here) or in another (elsewhere).',
    labels: ['cache', 'where'],
  });
  return (name: string) => ({
    hit: requests.labels(name, 'hit'),
    negative: requests.labels(name, 'negative'),
    stale: requests.labels(name, 'stale'),
    miss: requests.labels(name, 'miss'),
    fill: fills.labels(name, 'begun'),
    fill_failed: fills.labels(name, 'failed'),
    fill_outdated: fills.labels(name, 'outdated'),
    wait_here: waits.labels(name, 'here'),
    wait_elsewhere: waits.labels(name, 'elsewhere'),
  });
}

function measureStore(metrics: Metrics, usage: () => { entries: number; bytes: number }): void {
  metrics.gauge({
    name: 'cache_entries',
    help: 'Entries that the caches of this process hold in its memory.',
    collect: (gauge) => gauge.set(usage().entries),
  });
  metrics.gauge({
    name: 'cache_bytes',
    help: 'Bytes that the caches of this process hold in its memory.',
    collect: (gauge) => gauge.set(usage().bytes),
  });
}
