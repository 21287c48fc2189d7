import type { Metrics } from '../../../platform/telemetry/metrics.ts';
import type { Sent } from './send.ts';

export type Meter = { attempted(sent: Sent): void };

const BUCKETS_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

/** Without labels of tenants or addresses: there may be any number of those. */
export function createMeter(metrics: Metrics): Meter {
  const attempts = metrics.counter({
    name: 'webhook_attempts_total',
    help: 'Attempts to deliver an event to a webhook, by the class of the answer (2xx … 5xx, or none).',
    labels: ['answer'],
  });
  const latency = metrics.histogram({
    name: 'webhook_attempt_seconds',
    help: 'Time from the beginning of an attempt to the status of its answer, or to its failure.',
    buckets: BUCKETS_SECONDS,
  });
  return {
    attempted({ status, latencyMs }) {
      attempts.labels(status === null ? 'none' : `${Math.floor(status / 100)}xx`).inc();
      latency.observe(latencyMs / 1_000);
    },
  };
}
