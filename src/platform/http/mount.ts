import { createRequire } from 'node:module';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { type TObject, type TSchema, Type } from 'typebox';
import type { Authenticate, OnDenied, Principal } from '../auth/authenticate.ts';
import type { Ctx } from '../context.ts';
import type { SystemTx, Tx } from '../db/queries.ts';
import type { Commands } from '../idempotency/commands.ts';
import type { Answer, Given } from '../idempotency/keys.ts';
import type { Hub } from '../realtime/hub.ts';
import type { Limiter } from '../reliability/limiter.ts';
import type { Logger } from '../telemetry/log.ts';
import { AppError } from './errors.ts';
import { ctxOf } from './input/context.ts';
import { forSerialiser, strict, tidy } from './input/schemas.ts';
import { refuseUnstorable } from './input/text.ts';
import { addressKey, type Limits, principalKey, spendLimit, takeLimit } from './limits.ts';
import { sendDownload } from './output/download.ts';
import { JSON_TYPE, sendError, sendValue } from './output/responses.ts';
import { sendSseBody } from './output/sse-body.ts';
import {
  Download,
  type Following,
  type Handshake,
  type Input,
  type PublicInput,
  type Router,
  SseBody,
} from './router.ts';
import { type MountedRoute, permissionOf, type RouteKind, type RouteSpec } from './routes.ts';
import type { Upgrades } from './upgrades.ts';
import { type Validate, Validators } from './validation.ts';

/** Streams a part of the log to a client until one of them ends it; realtime's SSE. */
export type FollowSse = (options: {
  readonly hub: Hub;
  readonly reply: FastifyReply;
  readonly following: Following;
  /** `Last-Event-ID`, or `?cursor=`: `epoch.position` as the client said it. */
  readonly lastEventId: string | undefined;
  readonly ctx: Ctx;
  /** When the caller's credentials end, in Unix milliseconds. */
  readonly expiresAtMs: number | undefined;
}) => Promise<void>;

export type MountDeps = {
  readonly app: FastifyInstance;
  readonly apiPrefix: string;
  readonly log: Logger;
  readonly authenticate: Authenticate;
  readonly onDenied: OnDenied | undefined;
  readonly limiter: Limiter;
  readonly limits: Limits;
  readonly commands: Commands;
  readonly hub: Hub;
  readonly followSse: FollowSse;
  readonly upgrades: Upgrades;
};

/** Throws, rejects or, at once or later, is done. */
type Admit = (request: FastifyRequest) => Promise<void> | undefined;
type AnyInput = Input<TSchema, TObject, TObject>;
type AnyPublicInput = PublicInput<TSchema, TObject, TObject>;
type CommandResult = { body: unknown; headers?: Record<string, string> };
/** The handlers with their types forgotten: by here the schemas have been checked against them by the compiler. */
type Handlers = {
  handler(input: unknown): Promise<unknown>;
  prepare?(input: unknown): Promise<unknown>;
};
type CommandHandlers = {
  handler(tx: Tx | SystemTx, input: unknown): Promise<CommandResult>;
  prepare?(input: unknown): Promise<unknown>;
};
type ManyHandler = {
  readonly together: number;
  ahead(tx: Tx, inputs: readonly AnyInput[]): Promise<unknown>;
  handler(tx: Tx, inputs: readonly AnyInput[], ahead: unknown): Promise<readonly PromiseSettledResult<CommandResult>[]>;
};

/** What every stream takes beside its own query. */
const FOLLOW_QUERY = {
  ticket: { type: 'string', minLength: 1, maxLength: 512 },
  cursor: { type: 'string', minLength: 1, maxLength: 128 },
} as const;

/** What a WebSocket's request takes. */
const SOCKET_QUERY = Type.Object({
  ticket: Type.Optional(
    Type.String({ minLength: 1, maxLength: 512, description: 'From `POST /tickets` for this path; good once.' }),
  ),
});

const require = createRequire(import.meta.url);

/** Mounts the modules' routes on Fastify, and keeps the table of them. */
export class Mount implements Router {
  readonly routes: MountedRoute[] = [];
  readonly #deps: MountDeps;
  readonly #validators = new Validators();
  readonly #operationIds = new Set<string>();

  constructor(deps: MountDeps) {
    this.#deps = deps;
  }

  readonly route: Router['route'] = (spec) => this.#mountPlain(spec as never);
  readonly publicRoute: Router['publicRoute'] = (spec) => this.#mountPlain(spec as never);
  readonly command: Router['command'] = (spec) => this.#mountCommand({ ...spec, method: 'POST' } as never);
  readonly commands: Router['commands'] = (spec) =>
    this.#mountCommands({ ...spec, method: 'POST', idempotency: 'required' } as never);
  readonly publicCommand: Router['publicCommand'] = (spec) => this.#mountCommand({ ...spec, method: 'POST' } as never);

  readonly follow: Router['follow'] = (spec) => {
    const { hub, followSse, log } = this.#deps;
    const full = { ...spec, method: 'GET' } as RouteSpec;
    const { handler } = spec as unknown as { handler(input: unknown): Promise<Following> };
    const route = this.#register('follow', full);
    this.#mount(route, (request, reply) => {
      const lastEventId = lastEventIdOf(request);
      const ctx = ctxOf(request);
      handler(inputOf(route, request, reply, ctx))
        .then((following) =>
          followSse({ hub, reply, following, lastEventId, ctx, expiresAtMs: request.parley.principal?.expiresAtMs }),
        )
        .catch((error) => sendError(log, request, reply, error));
    });
  };

  readonly socket: Router['socket'] = ({ open, ...spec }) => {
    const { upgrades } = this.#deps;
    const full: RouteSpec = { ...spec, method: 'GET', access: 'public', status: 101, query: SOCKET_QUERY };
    const route = this.#register('socket', full);
    this.#mount(route, (request, reply) => {
      const { raw, parley: state } = request;
      if (!upgrades.has(raw))
        throw new AppError('upgrade_required', { headers: { upgrade: 'websocket', connection: 'Upgrade' } });
      open({
        request,
        query: request.query as Handshake['query'],
        headers: { 'x-request-id': state.requestId, traceparent: String(reply.getHeader('traceparent')) },
        accept() {
          const upgrade = upgrades.take(raw);
          reply.hijack();
          state.upgraded();
          return upgrade;
        },
      });
    });
  };

  #mountPlain(spec: RouteSpec & Handlers): void {
    const { log } = this.#deps;
    const route = this.#register('route', spec);
    const isPublic = spec.access === 'public';
    this.#mount(route, (request, reply) => {
      const input = isPublic ? new PublicRequest(request, reply) : inputOf(route, request, reply, ctxOf(request));
      spec
        .handler(input)
        .then(
          (value) => {
            if (value instanceof SseBody) return sendSseBody(log, request, reply, value);
            if (value instanceof Download) return sendDownload(log, request, reply, value);
            sendValue(route, request, reply, value);
          },
          (error) => sendError(log, request, reply, error),
        )
        .catch((error) => sendError(log, request, reply, error));
    });
  }

  #mountCommand(spec: RouteSpec & CommandHandlers): void {
    const { log, commands } = this.#deps;
    const route = this.#register('command', spec);
    const prepareFor = (input: unknown) => (spec.prepare ? () => spec.prepare?.(input) as Promise<unknown> : undefined);
    const work = async (tx: Tx | SystemTx, input: object, prepared: unknown): Promise<Answer> =>
      answerOf(route, await spec.handler(tx, Object.assign(input, { prepared })));
    this.#mount(route, (request, reply) => {
      let given: Promise<Given>;
      if (spec.access === 'public') {
        const input = new PublicRequest(request, reply);
        given = commands.runPublic({
          request,
          route,
          prepare: prepareFor(input),
          work: (tx, made) => work(tx, input, made),
        });
      } else {
        const ctx = ctxOf(request);
        const input = inputOf(route, request, reply, ctx);
        given = commands.run(ctx, {
          request,
          route,
          prepare: prepareFor(input),
          work: (tx, made) => work(tx, input, made),
        });
      }
      given.then((answer) => sendAnswer(reply, answer)).catch((error) => sendError(log, request, reply, error));
    });
  }

  #mountCommands(spec: RouteSpec & ManyHandler): void {
    const { log, commands } = this.#deps;
    const route = this.#register('command', spec);
    const run = commands.together<AnyInput, unknown>(route, {
      limit: spec.together,
      ahead: spec.ahead,
      work: async (tx, inputs, ahead) =>
        (await spec.handler(tx, inputs, ahead)).map((result) =>
          result.status === 'rejected' ? result : { status: 'fulfilled', value: answerOf(route, result.value) },
        ),
    });
    this.#mount(route, (request, reply) => {
      const ctx = ctxOf(request);
      run(ctx, request, inputOf(route, request, reply, ctx))
        .then((answer) => sendAnswer(reply, answer))
        .catch((error) => sendError(log, request, reply, error));
    });
  }

  #register(kind: RouteKind, spec: RouteSpec): MountedRoute {
    const where = `${spec.method} ${spec.url} (${spec.operationId})`;
    if (this.#operationIds.has(spec.operationId)) throw new Error(`${where}: the operationId is taken`);
    this.#operationIds.add(spec.operationId);
    const streams = kind === 'follow' || kind === 'socket' || spec.streams === true;
    const status = spec.status ?? (spec.response === undefined && !streams ? 204 : kind === 'command' ? 201 : 200);
    if (spec.confinedBy !== undefined && spec.params?.properties[spec.confinedBy] === undefined)
      throw new Error(`${where}: confinedBy names no parameter of the path`);
    if (status !== 204 && spec.response === undefined && !streams)
      throw new Error(`${where}: only status 204 goes without a response schema`);
    const route: MountedRoute = {
      kind,
      spec,
      method: spec.method,
      urls: urlsOf(spec, this.#deps.apiPrefix),
      wire: spec.wire ?? 'parley',
      status,
      limit: spec.limit ?? (spec.access === 'public' ? 'anonymous' : 'default'),
      permission: permissionOf(spec.access),
      validate: this.#validatorsOf(kind, spec),
      serialise: spec.response === undefined ? () => '' : lazySerialiser(spec.response),
    };
    this.routes.push(route);
    return route;
  }

  #validatorsOf(kind: RouteKind, spec: RouteSpec): MountedRoute['validate'] {
    const ours = (spec.wire ?? 'parley') === 'parley';
    const compile = (schema: TSchema | undefined, part: 'query' | 'path') => {
      if (schema === undefined && !ours) return () => {};
      const plain = schema === undefined ? { type: 'object', properties: {} } : tidy(schema);
      const properties = { ...plain.properties, ...(kind === 'follow' && part === 'query' && FOLLOW_QUERY) };
      return this.#validators.compile({ ...plain, properties, ...(ours && { additionalProperties: false }) }, part);
    };
    return {
      body: this.#bodyValidator(spec, ours),
      params: compile(spec.params, 'path'),
      query: compile(spec.query, 'query'),
    };
  }

  #bodyValidator(spec: RouteSpec, ours: boolean): Validate {
    if (spec.body !== undefined) return this.#validators.compile(ours ? strict(spec.body) : tidy(spec.body), 'body');
    if (spec.method === 'GET' || !ours) return () => {};
    // Nothing is expected: nothing, or an empty object, may come.
    const empty = this.#validators.compile({ type: 'object', properties: {}, additionalProperties: false }, 'body');
    return (body) => body === undefined || empty(body);
  }

  #mount(route: MountedRoute, handler: (request: FastifyRequest, reply: FastifyReply) => void): void {
    const { app, log } = this.#deps;
    const admit = this.#admission(route);
    const guarded: RouteHandlerMethod = (request, reply) => {
      try {
        validate(route, request);
        handler(request, reply);
      } catch (error) {
        sendError(log, request, reply, error);
      }
    };
    for (const url of route.urls) {
      app.route({
        method: route.method,
        url,
        ...(route.spec.bodyLimit !== undefined && { bodyLimit: route.spec.bodyLimit }),
        exposeHeadRoute: route.method === 'GET' && route.kind !== 'follow' && route.kind !== 'socket',
        config: { mounted: route },
        onRequest: (request, reply, done) => {
          request.parley.route = route;
          let asking: Promise<void> | undefined;
          try {
            asking = admit(request);
          } catch (error) {
            sendError(log, request, reply, error);
            return;
          }
          if (asking === undefined) done();
          else
            asking.then(
              () => done(),
              (error) => sendError(log, request, reply, error),
            );
        },
        handler: guarded,
      });
    }
  }

  /**
   * Lets a request in, before its body is read: who it is, whether that one may, and whether not too often. Throws or
   * rejects where not. A promise only where somebody has to be asked: most requests bring credentials that are known.
   */
  #admission(route: MountedRoute): Admit {
    const { authenticate, limiter, limits } = this.#deps;
    const { spec, limit, kind } = route;
    // Who opens many connections is counted where it is known who that is: thousands may come back from one address.
    if (kind === 'socket') return () => undefined;
    if (spec.access === 'public') return (request) => takeLimit(limiter, limits, limit, addressKey(request.ip));
    const allow = this.#allowing(route);

    const askWho = async (request: FastifyRequest, asked: Promise<Principal | undefined>): Promise<void> => {
      const principal = await asked.catch((error: unknown) => refuse(request, error));
      if (principal === undefined) return refuse(request, new AppError('unauthenticated'));
      return letIn(request, principal);
    };
    const refuse = async (request: FastifyRequest, error: unknown): Promise<never> => {
      await takeLimit(limiter, limits, 'anonymous', addressKey(request.ip));
      throw error;
    };
    const letIn = (request: FastifyRequest, principal: Principal): Promise<void> | undefined => {
      request.parley.principal = principal;
      const key = principalKey(principal);
      if (!spendLimit(limiter, limits, limit, key))
        return takeLimit(limiter, limits, limit, key).then(() => allow(request, principal));
      allow(request, principal);
      return undefined;
    };

    return (request) => {
      const { url } = request;
      const queryAt = url.indexOf('?');
      const ticket = kind === 'follow' ? (request.query as { ticket?: unknown }).ticket : undefined;
      let who: ReturnType<Authenticate>;
      try {
        who = authenticate({
          authorization: request.headers.authorization,
          ticket: typeof ticket === 'string' ? ticket : undefined,
          path: queryAt === -1 ? url : url.slice(0, queryAt),
        });
      } catch (error) {
        return refuse(request, error);
      }
      return who === undefined || who instanceof Promise ? askWho(request, Promise.resolve(who)) : letIn(request, who);
    };
  }

  /** Throws where somebody who is known may not. */
  #allowing(route: MountedRoute): (request: FastifyRequest, principal: Principal) => void {
    const { onDenied } = this.#deps;
    const { permission, spec } = route;
    return (request, principal) => {
      confine(principal, route, request.params as Readonly<Record<string, string>>);
      if (permission !== undefined && !principal.permissions.has(permission)) {
        onDenied?.({ principal, permission, operationId: spec.operationId });
        throw new AppError('permission_denied', { details: { permission } });
      }
    };
  }
}

/**
 * A confined key opens the routes that name what binds it, and of these only its own: it cannot learn whether there is
 * another. Its 403 is of its nature and not recorded as a denial of a right.
 */
function confine(
  { actor }: Principal,
  { spec: { confinedBy } }: MountedRoute,
  params: Readonly<Record<string, string>>,
): void {
  if (actor.kind !== 'api_key' || actor.confinedTo === undefined) return;
  if (confinedBy === undefined || !Object.hasOwn(actor.confinedTo, confinedBy))
    throw new AppError('permission_denied', { message: 'This key is good for one seat of one discussion only.' });
  if (params[confinedBy]?.toLowerCase() !== actor.confinedTo[confinedBy]) throw new AppError('not_found');
}

function urlsOf(spec: RouteSpec, apiPrefix: string): string[] {
  if (spec.at === 'root') return [spec.url];
  if (spec.at === 'v1') return [`${apiPrefix}${spec.url}`, ...(apiPrefix === '/v1' ? [] : [`/v1${spec.url}`])];
  return [`${apiPrefix}${spec.url}`];
}

function validate(route: MountedRoute, request: FastifyRequest): void {
  if (request.url.includes('%00')) {
    refuseUnstorable(request.params, 'path');
    refuseUnstorable(request.query, 'query');
  }
  route.validate.params(request.params);
  route.validate.query(request.query);
  if (request.body === undefined && route.spec.bodyOptional) request.body = {};
  route.validate.body(request.body);
}

const inputOf = (_route: MountedRoute, request: FastifyRequest, reply: FastifyReply, ctx: Ctx): AnyInput => ({
  ctx,
  body: request.body,
  params: request.params as AnyInput['params'],
  query: request.query as AnyInput['query'],
  request,
  reply,
});

/** A class for its getter, as `RequestCtx`. */
class PublicRequest implements AnyPublicInput {
  readonly body: AnyPublicInput['body'];
  readonly params: AnyPublicInput['params'];
  readonly query: AnyPublicInput['query'];
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly ip: string;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.body = request.body;
    this.params = request.params as AnyPublicInput['params'];
    this.query = request.query as AnyPublicInput['query'];
    this.request = request;
    this.reply = reply;
    this.ip = request.ip;
  }

  get signal(): AbortSignal {
    return this.request.parley.signal;
  }
}

/** `Last-Event-ID` as the browser repeats it, else `?cursor=`. */
function lastEventIdOf(request: FastifyRequest): string | undefined {
  const header = request.headers['last-event-id'];
  if (typeof header === 'string' && header !== '') return header.slice(0, 128);
  return (request.query as { cursor?: string }).cursor;
}

function sendAnswer(reply: FastifyReply, { status, headers, body, replayed }: Given): void {
  if (reply.raw.destroyed) return;
  reply.code(status).headers(headers);
  if (replayed) reply.header('idempotency-replayed', 'true');
  if (status === 204) reply.send();
  else reply.header('content-type', JSON_TYPE).send(body);
}

const answerOf = (route: MountedRoute, { body, headers = {} }: CommandResult): Answer => ({
  status: route.status,
  headers: lowerCase(headers),
  body: route.status === 204 ? '' : route.serialise(body),
});

const lowerCase = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** Compiled at the first answer: compiling all of them takes longer than the rest of a start. */
function lazySerialiser(schema: TSchema): (value: unknown) => string {
  let serialise: ((value: unknown) => string) | undefined;
  return (value) => {
    serialise ??= (require('fast-json-stringify') as (schema: object) => (value: unknown) => string)(
      forSerialiser(schema),
    );
    return serialise(value);
  };
}
