import type { ServerResponse } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Logger } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { RequestState } from '../input/context.ts';

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Watches every request to its end: one line in the log, one value in the histogram (its children are kept per route
 * and status: looking them up costs 2 µs), and the end of its span.
 */
export function observer(log: Logger, metrics: Metrics): (request: FastifyRequest, state: RequestState) => void {
  const duration = metrics.histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request line to the last byte of the answer; streams count until they end.',
    labels: ['method', 'route', 'status'],
    buckets: BUCKETS_SECONDS,
  });
  const children = new Map<string, ReturnType<typeof duration.labels>>();
  let inFlight = 0;
  metrics.gauge({
    name: 'http_requests_in_flight',
    help: 'Requests that are being answered.',
    collect: (gauge) => gauge.set(inFlight),
  });
  const access = log.child('http');

  return (request, state) => {
    inFlight += 1;
    const { method } = request;
    const onClose = function (this: ServerResponse) {
      inFlight -= 1;
      state.closed();
      const durationMs = performance.now() - state.startedMs;
      const status = this.writableFinished || state.isUpgraded ? this.statusCode : 499;
      const route = state.route?.urls[0] ?? 'no route';
      const key = `${method} ${status} ${route}`;
      let child = children.get(key);
      if (child === undefined) {
        // Methods are bounded by Node's parser, routes by the table, statuses by ours.
        child = duration.labels(method, route, String(status));
        children.set(key, child);
      }
      child.observe(durationMs / 1_000);
      const { span, principal } = state;
      span.set('http.response.status_code', status);
      span.end();
      access.info('request', {
        request_id: state.requestId,
        tenant_id: principal?.tenantId,
        actor_id: principal?.actor.id,
        trace_id: span.trace.traceId,
        method,
        route,
        status,
        duration_ms: Math.round(durationMs * 100) / 100,
      });
    };
    state.raw.once('close', onClose);
  };
}
