import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type * as Prometheus from 'prom-client';

export type Counter<L extends string> = Prometheus.Counter<L>;
export type Gauge<L extends string> = Prometheus.Gauge<L>;
export type Histogram<L extends string> = Prometheus.Histogram<L>;

type Named<L extends string> = { readonly name: string; readonly help: string; readonly labels?: readonly L[] };

export type MetricDescription = {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
};

/**
 * The process's metrics: a registry of its own, never prom-client's global one. Whoever measures keeps the child of
 * its labels (`histogram.labels(…)` once, `child.observe(…)` often): looking it up costs 2 µs a request.
 */
export interface Metrics {
  /** With `total`, its value is asked for when the metrics are read: something else counts. */
  counter<L extends string>(metric: Named<L> & { readonly total?: () => number }): Counter<L>;
  /** With `collect`, its value is asked for when the metrics are read. */
  gauge<L extends string>(metric: Named<L> & { readonly collect?: (gauge: Gauge<L>) => void }): Gauge<L>;
  /** Buckets in the metric's own unit, which its name ends with (`_seconds`, `_bytes`). */
  histogram<L extends string>(metric: Named<L> & { readonly buckets: readonly number[] }): Histogram<L>;
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
  const metrics: Metrics = {
    counter: ({ name, help, labels = [], total }) => {
      described.push({ name, type: 'counter', help, labels });
      const counter: Prometheus.Counter<(typeof labels)[number]> = new client.Counter({
        ...{ name, help, labelNames: labels, registers: [registry] },
        ...(total && {
          collect: () => {
            counter.reset();
            counter.inc(total());
          },
        }),
      });
      return counter;
    },
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
    histogram: ({ name, help, labels = [], buckets }) => {
      described.push({ name, type: 'histogram', help, labels });
      return new client.Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [registry] });
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
