import type { Metrics } from '../telemetry/metrics.ts';
import type { Lane, LaneMeter } from './lane.ts';

/** From an event's first try to its effect, tries between included: 1 ms to a minute. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 15, 60];

/** The metrics of consumers: how far behind each group is, and what became of its events. Answers a group's own. */
export function consumerMeter(
  metrics: Metrics | undefined,
  groups: readonly string[],
  lanes: () => readonly Lane[],
): (group: string) => LaneMeter & { retried(): void } {
  if (metrics === undefined) return () => SILENT;
  measureLag(metrics, groups, lanes);
  const events = metrics.counter({
    name: 'consumer_events_total',
    help: 'Events by what became of them in a group: handled, handled before (duplicate: the inbox said so), put aside behind a failed one of their stream (parked), or given up (dead).',
    labels: ['group', 'outcome'],
  });
  const seconds = metrics.histogram({
    name: 'consumer_handling_seconds',
    help: 'From the first try of an event to its effect, with the tries and the waiting between.',
    labels: ['group'],
    buckets: SECONDS,
  });
  const retries = metrics.counter({
    name: 'consumer_retries_total',
    help: 'Tries of events that failed and will be repeated.',
    labels: ['group'],
  });
  const crashes = metrics.counter({
    name: 'consumer_crashes_total',
    help: 'Events with which a process died, as seen by the process that came after it.',
    labels: ['group'],
  });
  return (group) => {
    const count = (outcome: string) => events.labels(group, outcome);
    const [handled, duplicate, parked, dead] = ['handled', 'duplicate', 'parked', 'dead'].map(count);
    const [duration, retried, crashed] = [seconds.labels(group), retries.labels(group), crashes.labels(group)];
    return {
      handled(fresh, took) {
        (fresh ? handled : duplicate)?.inc();
        duration.observe(took);
      },
      parked: () => parked?.inc(),
      buried: () => dead?.inc(),
      crashed: () => crashed.inc(),
      retried: () => retried.inc(),
    };
  };
}

const SILENT = { handled: () => {}, parked: () => {}, buried: () => {}, crashed: () => {}, retried: () => {} };

function measureLag(metrics: Metrics, groups: readonly string[], lanes: () => readonly Lane[]): void {
  metrics.gauge({
    name: 'consumer_lag_events',
    help: 'Events of a shard that a group has not handled, for the shards that this process holds.',
    labels: ['group', 'shard'],
    collect(gauge) {
      gauge.reset();
      for (const { group, shard, lag } of lanes()) gauge.labels(group, String(shard)).set(lag);
    },
  });
  metrics.gauge({
    name: 'consumer_lag_seconds',
    help: 'Age of the oldest event of a shard that a group has not handled (0: none), for the shards that this process holds.',
    labels: ['group', 'shard'],
    collect(gauge) {
      gauge.reset();
      const nowMs = Date.now();
      for (const { group, shard, behindSince } of lanes())
        gauge.labels(group, String(shard)).set(Math.max(0, nowMs - (behindSince ?? nowMs)) / 1000);
    },
  });
  metrics.gauge({
    name: 'consumer_shards_held',
    help: 'Shards that this process holds for a group. All processes together hold every shard once.',
    labels: ['group'],
    collect(gauge) {
      for (const group of groups) gauge.labels(group).set(0);
      for (const { group } of lanes()) gauge.labels(group).inc();
    },
  });
}
