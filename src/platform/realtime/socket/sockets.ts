import { setTimeout as delay } from 'node:timers/promises';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { Authenticate, OnDenied } from '../../auth/authenticate.ts';
import type { Config } from '../../config/config.ts';
import { AppError } from '../../http/errors.ts';
import { addressKey, type Limits } from '../../http/limits.ts';
import type { Handshake, Router } from '../../http/router.ts';
import type { Service } from '../../lifecycle.ts';
import type { Limiter } from '../../reliability/limiter.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Hub } from '../hub.ts';
import type { Channel } from './channel.ts';
import { Connection, type Doorkeeper, type Shared } from './connection.ts';
import { checkHandshake, checkOrigin, chooseProtocol, tokenOffered } from './handshake.ts';
import { SOCKET_LIMITS, type SocketLimits } from './limits.ts';
import { createReader } from './messages.ts';
import { socketMetrics } from './metrics.ts';
import { socketRoute } from './route.ts';

export type SocketsDeps = {
  readonly config: Pick<Config, 'publicUrl' | 'corsOrigins' | 'socketsPerTenant'>;
  readonly hub: Hub;
  readonly authenticate: Authenticate;
  readonly onDenied?: OnDenied | undefined;
  readonly channels: readonly Channel[];
  readonly limiter: Limiter;
  /** Of requests: who signs in and subscribes on a socket counts as if it asked by HTTP. */
  readonly requestLimits: Limits;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly limits?: Partial<SocketLimits> | undefined;
};

/** The WebSockets of this process. */
export type Sockets = Service & { readonly routes: (router: Router) => void };

const OPERATION_ID = 'openSocket';

export function createSockets(deps: SocketsDeps): Sockets {
  const sockets = new Open(deps);
  return {
    name: 'sockets',
    routes: (router) =>
      socketRoute(router, { operationId: OPERATION_ID, open: (handshake) => sockets.open(handshake) }),
    start: async () => sockets.start(),
    stop: (deadlineMs) => sockets.stop(deadlineMs),
  };
}

/** A stopping process waits so long for its clients to hear of it. */
const CUT_MS = 500;

class Open {
  readonly #deps: SocketsDeps;
  readonly #limits: SocketLimits;
  readonly #shared: Shared;
  readonly #server: WebSocketServer;
  readonly #all = new Set<Connection>();
  /** Who has not said yet who it is, by address; and who has, by tenant. */
  readonly #pending = new Map<string, number>();
  readonly #tenants = new Map<string, number>();
  readonly #abort = new AbortController();
  #pendingCount = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;

  constructor(deps: SocketsDeps) {
    this.#deps = deps;
    const { hub, authenticate, onDenied, limiter, requestLimits, channels, log, metrics } = deps;
    const limits = { ...SOCKET_LIMITS, ...deps.limits };
    this.#limits = limits;
    const sum = (of: (connection: Connection) => number) => () =>
      [...this.#all].reduce((total, connection) => total + of(connection), 0);
    this.#shared = {
      ...{ hub, authenticate, onDenied, limiter, requestLimits, limits, operationId: OPERATION_ID },
      channels: new Map(channels.map((channel) => [channel.topic, channel])),
      log: log.child('sockets'),
      metrics: socketMetrics(metrics, {
        connections: () => this.#all.size,
        channels: sum((connection) => connection.channels),
        queuedBytes: sum((connection) => connection.queuedBytes),
      }),
      read: createReader(),
      signal: this.#abort.signal,
    };
    // `closeTimeout` is not among the types yet.
    const options: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      // Small frames of text are hardly worth its 300 KB a connection.
      perMessageDeflate: false,
      maxPayload: limits.maxMessageBytes,
      closeTimeout: limits.closeMs,
      handleProtocols: chooseProtocol,
    };
    this.#server = new WebSocketServer(options);
    // What `checkHandshake` lets through and ws does not.
    this.#server.on('wsClientError', (_error, socket) => socket.destroy());
  }

  start(): void {
    if (this.#stopping || this.#timer) return;
    this.#timer = setInterval(() => {
      const [nowMs, wallMs] = [performance.now(), Date.now()];
      for (const connection of this.#all) connection.tick(nowMs, wallMs);
    }, this.#limits.tickMs);
  }

  open(handshake: Handshake): void {
    const { request, headers, query } = handshake;
    const { raw, parley: state } = request;
    if (this.#stopping) throw new AppError('unavailable', { message: 'This server is stopping.' });
    checkHandshake(raw);
    checkOrigin(raw, this.#deps.config);
    const { authorization } = raw.headers;
    const token = tokenOffered(raw);
    const doorkeeper = this.#doorkeeper(addressKey(request.ip), () => connection);
    const { socket, head } = handshake.accept();
    const origin = {
      requestId: state.requestId,
      trace: state.span.trace,
      ip: request.ip,
      path: (raw.url ?? '').split('?', 1)[0] as string,
    };
    let connection: Connection | undefined;
    const onHeaders = (lines: string[]) => {
      for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    };
    this.#server.once('headers', onHeaders);
    this.#server.handleUpgrade(raw, socket, head, (ws: WebSocket) => {
      connection = new Connection(this.#shared, { ws, socket, origin, doorkeeper });
      this.#all.add(connection);
    });
    this.#server.off('headers', onHeaders);
    // ws has refused what we thought was fine.
    if (connection === undefined) doorkeeper.leave();
    else if (authorization !== undefined) connection.introduce({ authorization });
    else if (token !== undefined) connection.introduce({ authorization: `Bearer ${token}` });
    else if (query.ticket !== undefined) connection.introduce({ ticket: query.ticket });
  }

  /** Throws `overloaded` where too many have not said yet who they are. */
  #doorkeeper(address: string, connection: () => Connection | undefined): Doorkeeper {
    const { maxPending, maxPendingPerAddress } = this.#limits;
    if (this.#pendingCount >= maxPending || (this.#pending.get(address) ?? 0) >= maxPendingPerAddress)
      throw new AppError('overloaded', {
        message: 'Too many connections wait to be authenticated; try again shortly.',
      });
    add(this.#pending, address, 1);
    this.#pendingCount += 1;
    let tenant: string | undefined;
    const known = () => {
      add(this.#pending, address, -1);
      this.#pendingCount -= 1;
    };
    return {
      enter: (tenantId) => {
        const { socketsPerTenant: most } = this.#deps.config;
        if ((this.#tenants.get(tenantId) ?? 0) >= most)
          throw new AppError('limit_reached', {
            message: `This tenant has ${most} WebSocket connections open here, and no more are allowed.`,
          });
        known();
        tenant = tenantId;
        add(this.#tenants, tenantId, 1);
      },
      leave: () => {
        if (tenant === undefined) known();
        else add(this.#tenants, tenant, -1);
      },
      gone: () => {
        const ended = connection();
        if (ended) this.#all.delete(ended);
      },
    };
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer);
    for (const connection of this.#all) connection.stop();
    const deadline = performance.now() + Math.min(deadlineMs, CUT_MS);
    while (this.#all.size > 0 && performance.now() < deadline) await delay(5);
    // One that does not read would keep the server open.
    for (const connection of this.#all) connection.terminate();
    this.#abort.abort();
  }
}

/** Adds to a count that is kept only while it is not 0. */
function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
