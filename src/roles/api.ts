import { fileURLToPath } from 'node:url';
import type { Authenticate, OnDenied } from '../platform/auth/authenticate.ts';
import type { Config } from '../platform/config/config.ts';
import type { Secrets } from '../platform/config/secrets.ts';
import type { OpenDb } from '../platform/db/open.ts';
import { type HealthDeps, healthRoutes } from '../platform/http/health.ts';
import { DEFAULT_LIMITS, type Limits } from '../platform/http/limits.ts';
import { openApiDocument } from '../platform/http/openapi/document.ts';
import { consolePages } from '../platform/http/pages/console.ts';
import { documentPages } from '../platform/http/pages/documents.ts';
import { createServer, type HttpServer } from '../platform/http/server.ts';
import { inOrder, type Service } from '../platform/lifecycle.ts';
import type { Module } from '../platform/module.ts';
import type { Hub } from '../platform/realtime/hub.ts';
import type { SocketLimits } from '../platform/realtime/socket/limits.ts';
import { createSockets } from '../platform/realtime/socket/sockets.ts';
import { createEventStreams } from '../platform/realtime/sse.ts';
import type { Limiter } from '../platform/reliability/limiter.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import type { Tracer } from '../platform/telemetry/trace.ts';
import { TAGS } from './tags.ts';

/** Where `make` builds the console. */
const CONSOLE = fileURLToPath(new URL('../../console/dist', import.meta.url));

type ApiDeps = {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly db: OpenDb;
  /** What readiness asks. */
  readonly probes: Omit<HealthDeps, 'draining'>;
  readonly secrets: Secrets;
  readonly hub: Hub & Service;
  readonly limiter: Limiter;
  readonly modules: readonly Module[];
  readonly authenticate: Authenticate;
  readonly onDenied?: OnDenied;
  readonly limits?: Partial<Limits>;
  readonly sockets?: Partial<SocketLimits> | undefined;
  readonly lingerMs?: number;
};

/** The role `api`: the routes of every module, on the public port and the api's own. */
export function createApiRole(deps: ApiDeps): { service: Service; http: HttpServer } {
  const { config, modules, hub, metrics } = deps;
  const streams = createEventStreams({ metrics });
  const sockets = createSockets({
    ...deps,
    channels: modules.flatMap((module) => module.channels ?? []),
    requestLimits: { ...DEFAULT_LIMITS, ...deps.limits },
    limits: deps.sockets,
  });
  const health = healthRoutes({ ...deps.probes, draining: () => http.draining });
  const http: HttpServer = createServer({
    ...deps,
    followSse: streams.follow,
    pages: (app, routes) => {
      documentPages(app, {
        title: config.projectName,
        document: () => openApiDocument({ config, routes, tags: TAGS }),
      });
      return consolePages(app, CONSOLE, { 'parley-api': config.apiPrefix, 'parley-signup': config.signup });
    },
    register: [
      health,
      ...modules.map((module) => (router: Parameters<typeof health>[0]) => module.routes?.(router)),
      sockets.routes,
    ],
  });
  // Stopped before the server: an event stream has no end of its own to wait for.
  const subscribers: Service = {
    name: 'subscribers',
    start: async () => {},
    stop: (deadlineMs) => hub.stop(deadlineMs),
  };
  // Stopped before those: streams go on, and new ones are taken, until balancers have heard that this is the end.
  const readiness: Service = {
    name: 'readiness',
    start: async () => {},
    stop: (deadlineMs) => http.drain(deadlineMs),
  };
  return { http, service: inOrder('api', [http, subscribers, sockets, readiness]) };
}
