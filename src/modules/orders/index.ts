import type { Consumer } from '../../platform/events/consumer.ts';
import type { LogEvent } from '../../platform/events/define.ts';
import type { Jobs } from '../../platform/jobs/define.ts';
import type { Module } from '../../platform/module.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import type { Catalog, Revision } from '../catalog/index.ts';
import { ORDER_EVENTS, orderCreated, STOCK_EVENTS } from './events.ts';
import { measureOrders, ORDER_COUNTS } from './metrics.ts';
import { enqueueExpire, enqueueSettle } from './moves.ts';
import { ordersRoutes } from './routes.ts';
import { type Orders, type OrdersDeps, ordersService } from './service.ts';
import { expireJob, settleJob } from './settle.ts';

export { createPayments } from './payment/payments.ts';
export type { Orders } from './service.ts';

type Deps = OrdersDeps & { readonly catalog: Pick<Catalog, 'moved'>; readonly metrics: Metrics };

/** Orders: stock that is held, a payment that is asked for once, and a state that only moves forward. */
export function createOrders({ catalog, metrics, ...deps }: Deps): Orders & Module {
  const service = ordersService(deps);
  measureOrders(metrics, deps.db);
  // What orders did to stock, wherever they were placed: what this process keeps of these products is old.
  deps.hub.tap(STOCK_EVENTS, (event) => {
    const { data, tenantid } = event as LogEvent<{ lines: readonly Revision[] }>;
    catalog.moved(tenantid, data.lines);
  });
  return {
    ...service,
    name: 'orders',
    events: ORDER_EVENTS,
    counts: ORDER_COUNTS,
    channels: [{ topic: 'orders', permission: 'orders:read', allows: service.exists }],
    consumers: [starts(deps.jobs)],
    jobs: [settleJob(deps), expireJob(deps)],
    routes: (router) => ordersRoutes(router, service),
  };
}

/** Sets in motion what follows from a new order: its payment, and the end of its reservation. */
const starts = (jobs: Jobs): Consumer => ({
  group: 'orders',
  types: [orderCreated],
  async handle(tx, event) {
    const { order_id, expires_at } = event.data as { order_id: string; expires_at: string };
    await enqueueExpire(tx, jobs, order_id, new Date(expires_at));
    await enqueueSettle(tx, jobs, order_id);
  },
});
