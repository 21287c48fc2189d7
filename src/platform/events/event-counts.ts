import type { Metrics } from '../telemetry/metrics.ts';
import type { LogEvent } from './define.ts';

/**
 * A business metric made of events: what happened, not what is. Each event is moved into the log once, by one process, so
 * the sum over all processes is exact but for what a crash interrupts.
 */
export type EventCount = {
  /** Ends with `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly types: readonly string[];
  /**
   * What to add, under which values of the labels; undefined: nothing. Values must be few and the program's own: never an
   * id, a tenant or a text.
   */
  of(event: LogEvent): { readonly labels: readonly string[]; readonly by?: number } | undefined;
};

export interface EventCounts {
  add(counts: readonly EventCount[]): void;
  /** These were moved into the log. */
  moved(events: readonly LogEvent[]): void;
}

export function createEventCounts(metrics: Metrics): EventCounts {
  const all = metrics.counter({
    name: 'events_total',
    help: 'Events that this process has moved into the log, by type: the sum over all processes is what happened.',
    labels: ['type'],
  });
  const byType = new Map<string, ((event: LogEvent) => void)[]>();
  return {
    add(counts) {
      for (const { name, help, labels, types, of } of counts) {
        const counter = metrics.counter({ name, help, labels: [...labels] });
        const count = (event: LogEvent) => {
          const what = of(event);
          if (what) counter.labels(...what.labels).inc(what.by ?? 1);
        };
        for (const type of types) byType.set(type, [...(byType.get(type) ?? []), count]);
      }
    },
    moved(events) {
      for (const event of events) {
        all.labels(event.type).inc();
        for (const count of byType.get(event.type) ?? []) count(event);
      }
    },
  };
}
