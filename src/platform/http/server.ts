import { once } from 'node:events';
import { createServer as createNodeServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Authenticate, OnDenied } from '../auth/authenticate.ts';
import type { Config } from '../config/config.ts';
import type { Secrets } from '../config/secrets.ts';
import type { Db } from '../db/queries.ts';
import { Commands } from '../idempotency/commands.ts';
import type { Service } from '../lifecycle.ts';
import type { Hub } from '../realtime/hub.ts';
import type { Limiter } from '../reliability/limiter.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { formatTraceparent, parseTraceparent, type Tracer } from '../telemetry/trace.ts';
import { AppError } from './errors.ts';
import { RequestState, requestIdOf } from './input/context.ts';
import { parseForm, parseJson } from './input/text.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { type FollowSse, Mount } from './mount.ts';
import { answerBrokenRequest } from './output/broken.ts';
import { observer } from './output/observe.ts';
import { sendError } from './output/responses.ts';
import { cors, securityHeaders } from './output/security.ts';
import type { Fallback } from './pages/console.ts';
import type { Router } from './router.ts';
import type { MountedRoute } from './routes.ts';
import { createUpgrades, type Upgrades } from './upgrades.ts';

export type ServerConfig = Pick<
  Config,
  | 'projectName'
  | 'version'
  | 'host'
  | 'internalHost'
  | 'port'
  | 'apiPort'
  | 'apiPrefix'
  | 'publicUrl'
  | 'trustedProxies'
  | 'corsOrigins'
>;

export type ServerDeps = {
  readonly config: ServerConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly db: Db;
  readonly secrets: Secrets;
  readonly authenticate: Authenticate;
  readonly onDenied?: OnDenied;
  readonly limiter: Limiter;
  readonly limits?: Partial<Limits>;
  readonly hub: Hub;
  readonly followSse: FollowSse;
  /** Each mounts routes: a module's `routes`, health. In the order of the documents. */
  readonly register: readonly ((router: Router) => void)[];
  /** Mounts what is no route of the API (documents, the console), and says what answers where nothing else does. */
  readonly pages?: (app: FastifyInstance, routes: readonly MountedRoute[]) => Fallback;
  /** How long readiness says 503 before connections are refused: balancers hear of the end too late. Default 0. */
  readonly lingerMs?: number;
};

/** The HTTP face. `start` listens on `port` and `apiPort` (both may be 0, and may be the same). */
export type HttpServer = Service & {
  readonly app: FastifyInstance;
  readonly routes: readonly MountedRoute[];
  /** True from the beginning of `drain` or `stop` on. */
  readonly draining: boolean;
  /** Where it listens, in the order `port`, `apiPort`. */
  readonly ports: readonly number[];
  /**
   * Says 503 at readiness from now on, and resolves when balancers have heard it (`lingerMs`); everything still works
   * meanwhile. `stop` does it first where nobody has.
   */
  drain(deadlineMs: number): Promise<void>;
  /** Handles a request that came by another way (the gateway, a test). After `start` or `app.ready()`. */
  handle(req: IncomingMessage, res: ServerResponse): void;
};

/** A request must have arrived within this time, its headers sooner. */
const REQUEST_TIMEOUT_MS = 60_000;
const HEADERS_TIMEOUT_MS = 20_000;
/** Longer than balancers keep idle connections (60 s is common): the one who closes first must not be us. */
const KEEP_ALIVE_MS = 75_000;
const MAX_HEADER_BYTES = 16 * 1024;
const BODY_LIMIT_BYTES = 1024 * 1024;
const MAX_PARAM_CHARACTERS = 512;

/** Builds the server with everything mounted; nothing listens before `start`. */
export function createServer(deps: ServerDeps): HttpServer {
  const { config, log } = deps;
  let draining = false;
  let stopping: Promise<void> | undefined;
  let lingering: Promise<void> | undefined;
  const listening: { readonly server: Server; readonly port: number }[] = [];
  const greet = greeter(deps, () => draining);
  deps.metrics.gauge({
    name: 'http_connections',
    help: 'Connections of clients that are open, on all doors: idle ones and sockets that were upgraded, too.',
    async collect(gauge) {
      const counts = await Promise.all(listening.map(({ server }) => connectionsOf(server)));
      gauge.set(counts.reduce((sum, count) => sum + count, 0));
    },
  });
  const app = createApp(log, config, greet);
  const allowOrigin = cors(config.corsOrigins);
  app.addHook('onRequest', (request, reply, done) => {
    greet(request, reply);
    if (!allowOrigin(request, reply)) done();
  });

  const upgrades = createUpgrades((req, res) => app.routing(req, res));
  const mount = new Mount({
    app,
    apiPrefix: config.apiPrefix,
    log,
    authenticate: deps.authenticate,
    onDenied: deps.onDenied,
    limiter: deps.limiter,
    limits: { ...DEFAULT_LIMITS, ...deps.limits },
    commands: new Commands(deps),
    hub: deps.hub,
    followSse: deps.followSse,
    upgrades,
  });
  for (const register of deps.register) register(mount);
  const fallback = deps.pages?.(app, mount.routes);
  app.setNotFoundHandler((request, reply) =>
    answerNothing({ app, log, fallback, apiPrefix: config.apiPrefix }, request, reply),
  );

  const linger = async (deadlineMs: number): Promise<void> => {
    draining = true;
    const lingerMs = Math.min(deps.lingerMs ?? 0, deadlineMs / 2);
    // Nobody hears of the end where nobody could ask.
    if (lingerMs > 0 && listening.length > 0) await delay(lingerMs);
  };
  const drain = (deadlineMs: number): Promise<void> => {
    lingering ??= linger(deadlineMs);
    return lingering;
  };
  const close = async (deadlineMs: number): Promise<void> => {
    const deadline = performance.now() + deadlineMs;
    await drain(deadlineMs);
    await Promise.all(listening.map(({ server }) => closeServer(server, Math.max(0, deadline - performance.now()))));
    await app.close();
  };

  return {
    name: 'http',
    app,
    routes: mount.routes,
    get draining() {
      return draining;
    },
    get ports() {
      return listening.map(({ port }) => port);
    },
    handle: (req, res) => app.routing(req, res),
    async start() {
      await app.ready();
      const { host, internalHost, port, apiPort } = config;
      const doors = [{ host, port }];
      if (port !== apiPort || port === 0) doors.push({ host: internalHost, port: apiPort });
      for (const door of doors) {
        if (draining) return;
        const server = await listen((req, res) => app.routing(req, res), upgrades, door);
        listening.push({ server, port: (server.address() as AddressInfo).port });
      }
    },
    drain,
    stop: (deadlineMs) => (stopping ??= close(deadlineMs)),
  };
}

type Greet = (request: FastifyRequest, reply: FastifyReply) => void;

/** What happens to every request before anything else: it is named, traced, watched, and its answer gets its headers. */
function greeter({ config, log, metrics, tracer }: ServerDeps, draining: () => boolean): Greet {
  const observe = observer(log, metrics);
  const fixed = securityHeaders(config);
  return (request, reply) => {
    const { raw } = reply;
    const route = (request.routeOptions.config as { mounted?: MountedRoute } | undefined)?.mounted;
    const { traceparent } = request.headers;
    const parent = parseTraceparent(typeof traceparent === 'string' ? traceparent : undefined);
    const span = tracer.start(route?.urls[0] ?? 'no route', parent, { kind: 'server' });
    const state = new RequestState({ requestId: requestIdOf(request.raw), span, raw, route });
    request.parley = state;
    observe(request, state);
    reply.headers(fixed);
    reply.header('x-request-id', state.requestId).header('traceparent', formatTraceparent(span.trace));
    if (draining()) reply.header('connection', 'close');
  };
}

function createApp(log: Logger, config: ServerConfig, greet: Greet): FastifyInstance {
  const app = Fastify({
    logger: false,
    trustProxy: config.trustedProxies.length === 0 ? false : [...config.trustedProxies],
    bodyLimit: BODY_LIMIT_BYTES,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS },
    // Requests that never reach a hook: an URL that cannot be decoded.
    frameworkErrors: (error, request, reply) => {
      greet(request, reply);
      sendError(log, request, reply, error);
    },
  });
  app.decorateRequest('parley', null as unknown as RequestState);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (request.headers['idempotency-key'] !== undefined) request.parley.rawBody = body as Buffer;
    try {
      if (!isUtf8(request.headers['content-type'])) throw new AppError('unsupported_media_type');
      done(null, parseJson(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      if (request.parley.route?.wire !== 'oauth') throw new AppError('unsupported_media_type');
      done(null, parseForm(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.setErrorHandler((error, request, reply) => sendError(log, request, reply, error));
  return app;
}

/** JSON is UTF-8 (RFC 8259, section 8.1); a charset that says otherwise would be read as something else than was meant. */
const isUtf8 = (contentType = ''): boolean => {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
};

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

type Nowhere = {
  readonly app: FastifyInstance;
  readonly log: Logger;
  readonly fallback: Fallback | undefined;
  readonly apiPrefix: string;
};

/** Where no route is: 405 when the path takes other methods, a page of the console, or 404. */
function answerNothing({ app, log, fallback, apiPrefix }: Nowhere, request: FastifyRequest, reply: FastifyReply): void {
  const path = request.url.split('?', 1)[0] as string;
  const { method } = request;
  const taken = METHODS.filter((other) => other !== method && app.findRoute({ method: other, url: path }) !== null);
  // A route that takes this method has itself said that there is nothing here (a file that does not exist).
  if (taken.length > 0 && app.findRoute({ method: method as 'GET', url: path }) === null) {
    const allow = [...taken, 'OPTIONS'].join(', ');
    if (method === 'OPTIONS') reply.code(204).header('allow', allow).send();
    else sendError(log, request, reply, new AppError('method_not_allowed', { headers: { allow } }));
    return;
  }
  const elsewhere = path !== apiPrefix && !path.startsWith(`${apiPrefix}/`);
  const message = `There is nothing here: the API is under ${apiPrefix}.`;
  const nothing = () => sendError(log, request, reply, new AppError('not_found', elsewhere ? { message } : {}));
  const wantsPage = method === 'GET' && request.headers.accept?.includes('text/html') === true;
  if (fallback === undefined || !wantsPage || !elsewhere) {
    nothing();
    return;
  }
  fallback(request, reply).then(
    (answered) => answered || nothing(),
    (error) => sendError(log, request, reply, error),
  );
}

/**
 * Connections that may wait to be accepted. When a process dies, thousands of its clients come to another one within a
 * second; whoever finds Node's 511 places taken is heard only when its kernel asks again, after 1, 3 and 7 seconds. The
 * system's own limit (`net.core.somaxconn`, mostly 4096) stands above it.
 */
const BACKLOG = 8192;

async function listen(
  handler: (req: IncomingMessage, res: ServerResponse) => void,
  upgrades: Upgrades,
  door: { readonly host: string; readonly port: number },
): Promise<Server> {
  const server = createNodeServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      connectionsCheckingInterval: 5_000,
      noDelay: true,
      shouldUpgradeCallback: upgrades.wanted,
    },
    handler,
  );
  // RFC 9110, section 10.1.1: an expectation we do not know may be ignored; Node would answer 417 without a body.
  server.on('checkExpectation', handler);
  server.on('clientError', answerBrokenRequest);
  server.on('upgrade', upgrades.handle);
  server.listen({ ...door, backlog: BACKLOG });
  await once(server, 'listening');
  return server;
}

const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));

/** Stops accepting, lets what runs finish, and cuts what is left at the deadline. */
async function closeServer(server: Server, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
  const idle = setInterval(() => server.closeIdleConnections(), 250);
  try {
    await closed;
  } finally {
    clearTimeout(cut);
    clearInterval(idle);
  }
}
