import type { Metrics } from '../../telemetry/metrics.ts';
import { CLOSE } from './limits.ts';
import { MESSAGE_TYPES } from './messages.ts';

/** What the gauges ask for when the metrics are read. */
type Counts = { connections(): number; channels(): number; queuedBytes(): number };

export type SocketMetrics = {
  /** A message came in; `invalid` is one that could not be understood. */
  received(type: string): void;
  sent(): void;
  closed(code: number): void;
};

/** Codes that are told apart. What else a client closes with is its own affair. */
const CODES = new Set<number>([1000, 1001, 1002, 1003, 1005, 1006, 1007, ...Object.values(CLOSE)]);

export function socketMetrics(metrics: Metrics, counts: Counts): SocketMetrics {
  metrics.gauge({
    name: 'socket_connections',
    help: 'WebSocket connections of this process, those that have not said yet who they are included.',
    collect: (gauge) => gauge.set(counts.connections()),
  });
  metrics.gauge({
    name: 'socket_channels',
    help: 'Channels that the WebSocket connections of this process follow.',
    collect: (gauge) => gauge.set(counts.channels()),
  });
  metrics.gauge({
    name: 'socket_queued_bytes',
    help: 'Bytes that wait in this process for the clients of WebSocket connections.',
    collect: (gauge) => gauge.set(counts.queuedBytes()),
  });
  const received = metrics.counter({
    name: 'socket_messages_received_total',
    help: 'Messages of WebSocket clients, by their type; `invalid` could not be understood.',
    labels: ['type'],
  });
  const sent = metrics.counter({ name: 'socket_messages_sent_total', help: 'Messages to WebSocket clients.' });
  const closes = metrics.counter({
    name: 'socket_closes_total',
    help: 'WebSocket connections that ended, by the close code; `other` are codes of clients.',
    labels: ['code'],
  });
  const types = new Map(['invalid', ...MESSAGE_TYPES].map((type) => [type, received.labels(type)] as const));
  const byCode = new Map<string, ReturnType<typeof closes.labels>>();
  return {
    received: (type) => types.get(type)?.inc(),
    sent: () => sent.inc(),
    closed(code) {
      const name = CODES.has(code) ? String(code) : 'other';
      let child = byCode.get(name);
      if (child === undefined) {
        child = closes.labels(name);
        byCode.set(name, child);
      }
      child.inc();
    },
  };
}
