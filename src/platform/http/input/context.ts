import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { uuidv7 } from '../../../lib/ids.ts';
import type { Principal } from '../../auth/authenticate.ts';
import type { Ctx } from '../../context.ts';
import type { Span } from '../../telemetry/trace.ts';
import type { MountedRoute } from '../routes.ts';

/** What http keeps of a request from its first line to its last byte. */
export class RequestState {
  readonly requestId: string;
  readonly span: Span;
  /** `performance.now()` at the start. */
  readonly startedMs: number;
  readonly raw: ServerResponse;
  /** Absent where no route matched. */
  route: MountedRoute | undefined;
  principal: Principal | undefined;
  /** The body as it came; kept only for a request with an Idempotency-Key. */
  rawBody: Buffer | undefined;
  isUpgraded = false;
  #abort: AbortController | undefined;

  constructor(options: { requestId: string; span: Span; raw: ServerResponse; route: MountedRoute | undefined }) {
    this.requestId = options.requestId;
    this.span = options.span;
    this.raw = options.raw;
    this.route = options.route;
    this.startedMs = performance.now();
  }

  /** Aborts when the client is gone before the answer was complete. Made when somebody first asks for it. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.raw.destroyed && !this.raw.writableFinished) this.#abort.abort(new ClientGone());
    }
    return this.#abort.signal;
  }

  /** The connection is a WebSocket now: to HTTP, this request is over. */
  upgraded(): void {
    this.raw.statusCode = 101;
    this.isUpgraded = true;
    this.raw.emit('close');
  }

  /** The connection's end, told by the response. */
  closed(): void {
    if (!this.raw.writableFinished && !this.isUpgraded) this.#abort?.abort(new ClientGone());
  }
}

/** Nobody is left to be answered. */
export class ClientGone extends Error {
  constructor() {
    super('The client closed the connection');
    this.name = 'ClientGone';
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by platform/http before anything else sees the request. */
    parley: RequestState;
  }
}

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** The caller's own `X-Request-ID` where it is a harmless one, else a new id. */
export function requestIdOf(raw: IncomingMessage): string {
  const given = raw.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : uuidv7();
}

/**
 * What a use case is told of a request. A class, so that the signal is made when somebody asks for it: a getter in a
 * literal is a new function each time, and V8 keeps a shape for each, with all that it holds (measured: 25 µs a request).
 */
class RequestCtx implements Ctx {
  readonly tenantId: string;
  readonly actor: Ctx['actor'];
  readonly roles: Ctx['roles'];
  readonly permissions: Ctx['permissions'];
  readonly requestId: string;
  readonly trace: Ctx['trace'];
  readonly #state: RequestState;

  constructor(state: RequestState, principal: Principal) {
    this.tenantId = principal.tenantId;
    this.actor = principal.actor;
    this.roles = principal.roles;
    this.permissions = principal.permissions;
    this.requestId = state.requestId;
    this.trace = state.span.trace;
    this.#state = state;
  }

  get signal(): AbortSignal {
    return this.#state.signal;
  }
}

/** What a use case is told of this request. Only for one that is authenticated. */
export function ctxOf(request: FastifyRequest): Ctx {
  const { parley: state } = request;
  if (state.principal === undefined) throw new Error('There is no ctx on a public route');
  return new RequestCtx(state, state.principal);
}
