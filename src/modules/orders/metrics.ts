import type { Db } from '../../platform/db/queries.ts';
import type { LogEvent } from '../../platform/events/define.ts';
import type { EventCount } from '../../platform/events/event-counts.ts';
import { takeCensus } from '../../platform/telemetry/census.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { ordersByStatus, valueByStatus } from './store.ts';

/** How many orders there are, and what they come to. */
export function measureOrders(metrics: Metrics, db: Db): void {
  takeCensus(metrics, {
    name: 'orders',
    help: 'Orders by status.',
    labels: ['status'],
    read: async () =>
      (await db.system.all(ordersByStatus)).map(({ status, count }) => ({ labels: [status], value: count })),
  });
  takeCensus(metrics, {
    name: 'orders_value',
    help: 'What orders come to, by status and currency, in minor units.',
    labels: ['status', 'currency'],
    read: async () =>
      (await db.system.all(valueByStatus)).map(({ status, currency, value }) => ({
        labels: [status, currency],
        value,
      })),
  });
}

const OUTCOMES: Readonly<Record<string, string>> = {
  ...{ order_created: 'placed', order_paid: 'paid', order_refunded: 'refunded' },
};

/** The money that moves. How often what happens, `events_total` tells. */
export const ORDER_COUNTS: readonly EventCount[] = [
  {
    name: 'order_value_total',
    help: 'What was ordered (placed), what was paid and what was given back (refunded), by currency, in minor units.',
    labels: ['outcome', 'currency'],
    types: Object.keys(OUTCOMES),
    of: ({ type, data }) => {
      const { amount, currency } = data as LogEvent<{ amount: number; currency: string }>['data'];
      return { labels: [OUTCOMES[type] as string, currency], by: amount };
    },
  },
];
