import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../telemetry/log.ts';
import type { AppError } from '../errors.ts';
import { Ready } from '../router.ts';
import type { MountedRoute } from '../routes.ts';
import { noneMatch } from '../versions.ts';
import { problemBody, statusOn, toAppError } from './problem.ts';

export const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with `value`, serialised by the route's schema; 304 where the client has this version already. */
export function sendValue(route: MountedRoute, request: FastifyRequest, reply: FastifyReply, value: unknown): void {
  if (reply.sent || reply.raw.destroyed) return;
  const also = route.spec.alsoStatus?.includes(reply.statusCode) === true;
  const status = also ? reply.statusCode : route.status;
  if (status === 204) {
    reply.code(204).send();
    return;
  }
  const etag = reply.getHeader('etag');
  if (request.method === 'GET' && typeof etag === 'string' && noneMatch(request.headers['if-none-match'], etag)) {
    reply.code(304).send();
    return;
  }
  reply.code(status).header('content-type', JSON_TYPE);
  reply.send(value instanceof Ready ? value.json : route.serialise(value));
}

/** Answers with an error, once, in the manners of the route's wire. What is our fault is logged with its stack. */
export function sendError(log: Logger, request: FastifyRequest, reply: FastifyReply, error: unknown): void {
  const problem = toAppError(error);
  const { parley: state } = request;
  if (problem.status >= 500) logFault(log, request, problem);
  state.span.fail(problem);
  if (reply.raw.headersSent || reply.raw.destroyed) return;
  const wire = state.route?.wire ?? (request.url.startsWith('/v1/') ? 'openai' : 'parley');
  const status = statusOn(wire, problem);
  // What a handler said of the answer it meant to give does not hold for this one.
  reply.removeHeader('etag');
  reply.removeHeader('location');
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status >= 500 && problem.headers['retry-after'] === undefined && status === 503) reply.header('retry-after', '1');
  reply
    .code(status)
    .headers({ ...problem.headers, 'cache-control': 'no-store' })
    .header('content-type', JSON_TYPE)
    .send(problemBody(wire, problem, state.requestId));
}

function logFault(log: Logger, request: FastifyRequest, problem: AppError): void {
  const { requestId, route, principal, span } = request.parley;
  const fields = {
    request_id: requestId,
    trace_id: span.trace.traceId,
    tenant_id: principal?.tenantId,
    method: request.method,
    route: route?.urls[0],
    code: problem.code,
    error: problem.cause ?? problem,
  };
  if (problem.code === 'internal') log.error('A request failed, and the fault is ours', fields);
  else log.warn('A request failed', fields);
}
