import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type * as Prometheus from 'prom-client';
import { TalliedCounter, TalliedHistogram } from './tallies.ts';

export type Gauge<L extends string> = Prometheus.Gauge<L>;
export type Histogram = TalliedHistogram;

type Named<L extends string> = { readonly name: string; readonly help: string; readonly labels?: readonly L[] };

export type MetricDescription = {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
};

/**
 * The process's metrics: a registry of its own, never prom-client's global one. Whoever measures often keeps the child of
 * its labels (`histogram.labels(…)` once, `child.observe(…)` often).
 */
export interface Metrics {
  /** With `total`, its value is asked for when the metrics are read: something else counts. */
  counter(metric: Named<string> & { readonly total?: () => number }): TalliedCounter;
  /** With `collect`, its value is asked for when the metrics are read. */
  gauge<L extends string>(metric: Named<L> & { readonly collect?: (gauge: Gauge<L>) => void }): Gauge<L>;
  /** Buckets in the metric's own unit, which its name ends with (`_seconds`, `_bytes`). */
  histogram(metric: Named<string> & { readonly buckets: readonly number[] }): TalliedHistogram;
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
  /** Every metric there is, whether or not anything was measured yet. */
  describe(): readonly MetricDescription[];
  readonly contentType: string;
  /** Stops what measures by itself (the event loop's delay). */
  close(): void;
}

/** Makes a registry that already measures the process: memory, CPU, the event loop's delay. */
export function createMetrics(): Metrics {
  const client = createRequire(import.meta.url)('prom-client') as typeof Prometheus;
  const registry = new client.Registry();
  const described: MetricDescription[] = [];
  /** The registry asks for a metric's name and values; its types know only its own classes. */
  const register = <M extends TalliedCounter | TalliedHistogram>(metric: M, labels: readonly string[]): M => {
    const { name, type, help } = metric;
    described.push({ name, type, help, labels });
    registry.registerMetric(metric as unknown as Prometheus.Metric);
    return metric;
  };
  const metrics: Metrics = {
    counter: ({ labels = [], ...metric }) => register(new TalliedCounter({ ...metric, labels }), labels),
    histogram: ({ labels = [], ...metric }) => register(new TalliedHistogram({ ...metric, labels }), labels),
    gauge: ({ name, help, labels = [], collect }) => {
      described.push({ name, type: 'gauge', help, labels });
      const gauge: Prometheus.Gauge<(typeof labels)[number]> = new client.Gauge({
        name,
        help,
        labelNames: labels,
        registers: [registry],
        ...(collect && { collect: () => collect(gauge) }),
      });
      return gauge;
    },
    describe: () => described,
    text: () => registry.metrics(),
    contentType: registry.contentType,
    close: () => delay.disable(),
  };
  const delay = measureProcess(metrics);
  return metrics;
}

/** How often the event loop is asked. Node counts this time as delay, too. */
const RESOLUTION_MS = 20;

function measureProcess(metrics: Metrics) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  metrics.gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process that is in RAM.',
    collect: (gauge) => gauge.set(process.memoryUsage.rss()),
  });
  metrics.counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time spent.',
    total: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  });
  metrics.gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, in Unix time.',
    collect: (gauge) => gauge.set(Date.now() / 1000 - process.uptime()),
  });
  metrics.gauge({
    name: 'event_loop_delay_seconds',
    help: 'How late the event loop was since the last reading.',
    labels: ['quantile'],
    collect: (gauge) => {
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
      gauge.labels('0.5').set(late(delay.percentile(50)));
      gauge.labels('0.99').set(late(delay.percentile(99)));
      gauge.labels('1').set(late(delay.max));
      delay.reset();
    },
  });
  return delay;
}

/** Measures a database's pools: connections in use and idle, and callers that wait for one. */
export function measurePools(
  metrics: Metrics,
  pools: () => readonly {
    readonly role: string;
    readonly busy: number;
    readonly idle: number;
    readonly waiting: number;
  }[],
): void {
  metrics.gauge({
    name: 'db_pool',
    help: 'Connections of the database pools (busy, idle), and callers that wait for one.',
    labels: ['role', 'state'],
    collect: (gauge) => {
      for (const { role, ...states } of pools())
        for (const [state, count] of Object.entries(states)) gauge.labels(role, state).set(count);
    },
  });
}
