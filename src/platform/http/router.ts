import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TObject, TSchema } from 'typebox';
import type { Permission } from '../auth/permissions.ts';
import type { Ctx } from '../context.ts';
import type { SystemTx, Tx } from '../db/queries.ts';
import type { Cursor, LiveFrame } from '../realtime/hub.ts';
import type { ErrorCode } from './errors.ts';
import type { Upgrade } from './upgrades.ts';

/** `public`: nobody need be signed in. `authenticated`: anybody who is. Else the permission that the caller must have. */
export type Access = Permission | 'public' | 'authenticated';

/** Which manners a route keeps: ours (strict, one error shape), or a foreign wire's. */
export type Wire = 'parley' | 'openai' | 'oauth';

/** What every route says of itself. */
export type Common = {
  /** Below the API prefix, e.g. `/agents/:agent_id`; with `at: 'root'`, from the root. */
  readonly url: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly access: Access;
  /** Errors of this route beyond those its kind always has (400, 401, 403, 422, 429, 500 …). */
  readonly errors?: readonly ErrorCode[];
  /** `api` (default): under the prefix. `v1`: under the prefix and `/v1`. `root`: neither. */
  readonly at?: 'api' | 'v1' | 'root';
  readonly wire?: Wire;
  /** Body limit in bytes; default 1 MiB. */
  readonly bodyLimit?: number;
  /**
   * The path parameter that binds a confined key (a seat's): it may call the route for the one thing that it is
   * confined to, and finds nothing elsewhere. Absent: such a key may not call it at all.
   */
  readonly confinedBy?: string;
  /** Of a command that is never run without an `Idempotency-Key`. */
  readonly idempotency?: 'required';
  /** Which limiter the route counts against. Default `default`. */
  readonly limit?: 'default' | 'sign_in' | 'models';
};

type Shape<B extends TSchema, P extends TObject, Q extends TObject, R extends TSchema> = {
  readonly body?: B;
  readonly params?: P;
  readonly query?: Q;
  /** Schema of the success answer; absent with status 204. */
  readonly response?: R;
  /** Status of the success answer; default 200 (201 for commands). */
  readonly status?: number;
  /** Further statuses that answer with the same schema (readiness: 503). The handler sets them on `reply`. */
  readonly alsoStatus?: readonly number[];
  /** The handler may answer with an `SseBody`: always where there is no `response`, else when it is asked to. */
  readonly streams?: true;
  /** The handler answers with a `Download`: of these media types, or as JSON in the form of `response`. */
  readonly downloads?: readonly string[];
  /** A request without a body is taken for one with `{}`, which `body` must allow. */
  readonly bodyOptional?: true;
};

/** What a handler is given. `ctx` is absent on public routes. */
export type Input<B extends TSchema, P extends TObject, Q extends TObject> = {
  readonly ctx: Ctx;
  readonly body: Static<B>;
  readonly params: Static<P>;
  readonly query: Static<Q>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

export type PublicInput<B extends TSchema, P extends TObject, Q extends TObject> = Omit<Input<B, P, Q>, 'ctx'> & {
  readonly signal: AbortSignal;
  /** The caller's address, proxies considered (`TRUSTED_PROXIES`). */
  readonly ip: string;
};

/**
 * Server-sent events made on the spot (a model's answer). What the generator throws before its first frame becomes
 * an ordinary error answer; after it, an `error` frame. The generator is returned early when the client leaves.
 */
export class SseBody {
  readonly frames: AsyncIterable<{ event?: string; data: unknown }>;
  constructor(frames: AsyncIterable<{ event?: string; data: unknown }>) {
    this.frames = frames;
  }
}

/**
 * A file that is made on the spot, piece by piece: the next piece is asked for when the client has taken the last one.
 * What the generator throws before its first piece becomes an ordinary error answer; after it, the connection is cut,
 * so that nobody takes a half for the whole. The generator is returned early when the client leaves.
 */
export class Download {
  readonly type: string;
  /** As the client should name it. */
  readonly filename: string;
  readonly pieces: AsyncIterable<string>;
  constructor({ type, filename, pieces }: { type: string; filename: string; pieces: AsyncIterable<string> }) {
    this.type = type;
    this.filename = filename;
    this.pieces = pieces;
  }
}

/** An answer that is serialised already, in the form of `response`: what a cache keeps. */
export class Ready {
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
}

/** What a `follow` route streams: a part of the tenant's log, resumable with `Last-Event-ID`. */
export type Following = {
  readonly streams?: readonly string[];
  readonly types?: readonly string[];
  /** Where to begin when the client brings no `Last-Event-ID` (nor `?cursor=`). Absent: from now on. */
  readonly from?: Cursor;
  readonly onJoin?: () => readonly LiveFrame[];
};

/** A request for a WebSocket. Refuse it by throwing, or accept it. */
export type Handshake = {
  readonly request: FastifyRequest;
  readonly query: { readonly ticket?: string };
  /** What a 101 is to say beside what the protocol asks for. */
  readonly headers: Readonly<Record<string, string>>;
  /** Takes the connection over: HTTP has done with it, and answers nothing. */
  accept(): Upgrade;
};

export interface Router {
  /** A read, or a change of something that exists. The handler's value is validated and serialised by `response`. */
  route<B extends TSchema, P extends TObject, Q extends TObject, R extends TSchema>(
    spec: Common &
      Shape<B, P, Q, R> & {
        readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
        readonly access: Exclude<Access, 'public'>;
        handler(input: Input<B, P, Q>): Promise<Static<R> | SseBody | Download | Ready>;
      },
  ): void;

  publicRoute<B extends TSchema, P extends TObject, Q extends TObject, R extends TSchema>(
    spec: Common &
      Shape<B, P, Q, R> & {
        readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
        readonly access: 'public';
        handler(input: PublicInput<B, P, Q>): Promise<Static<R>>;
      },
  ): void;

  /**
   * A POST that creates: one transaction, opened here, with `Idempotency-Key`. The answer is serialised and stored
   * (sealed) inside that transaction, so a repeat gets it byte for byte. What must happen outside of a transaction
   * (hashing a password, asking another server) is done in `prepare`.
   */
  command<B extends TSchema, P extends TObject, Q extends TObject, R extends TSchema, X = undefined>(
    spec: Common &
      Shape<B, P, Q, R> & {
        readonly access: Exclude<Access, 'public'>;
        prepare?(input: Input<B, P, Q>): Promise<X>;
        handler(
          tx: Tx,
          input: Input<B, P, Q> & { readonly prepared: X },
        ): Promise<{ body: Static<R>; headers?: Record<string, string> }>;
      },
  ): void;

  /**
   * A command of which many arrive at once and write the same rows: those of one tenant that wait for one another are
   * carried out in one transaction, at most `together` of them, and each has an answer of its own. An `Idempotency-Key`
   * is required. `tx` acts for nobody: what an input's actor does is done `onBehalfOf` it. `ahead` reads and locks what the
   * handler needs, before it is known which of them are repeats.
   */
  commands<B extends TSchema, P extends TObject, Q extends TObject, R extends TSchema, A>(
    spec: Omit<Common, 'idempotency'> &
      Shape<B, P, Q, R> & {
        readonly access: Exclude<Access, 'public'>;
        readonly together: number;
        ahead(tx: Tx, inputs: readonly Input<B, P, Q>[]): Promise<A>;
        handler(
          tx: Tx,
          inputs: readonly Input<B, P, Q>[],
          ahead: A,
        ): Promise<readonly PromiseSettledResult<{ body: Static<R>; headers?: Record<string, string> }>[]>;
      },
  ): void;

  /** The same for nobody in particular (sign-up): the transaction is the system's. */
  publicCommand<B extends TSchema, P extends TObject, Q extends TObject, R extends TSchema, X = undefined>(
    spec: Common &
      Shape<B, P, Q, R> & {
        readonly access: 'public';
        prepare?(input: PublicInput<B, P, Q>): Promise<X>;
        handler(
          tx: SystemTx,
          input: PublicInput<B, P, Q> & { readonly prepared: X },
        ): Promise<{ body: Static<R>; headers?: Record<string, string> }>;
      },
  ): void;

  /** `GET …` as an event stream over the log. The handler checks that what is asked for exists and is the tenant's. */
  follow<P extends TObject, Q extends TObject>(
    spec: Omit<Common, 'wire' | 'bodyLimit'> & {
      readonly access: Exclude<Access, 'public'>;
      readonly params?: P;
      readonly query?: Q;
      handler(input: Input<TSchema, P, Q>): Promise<Following>;
    },
  ): void;

  /**
   * `GET …` as a WebSocket. Whoever opens it says who they are on the socket itself (or by `?ticket=`), so HTTP lets
   * everybody in; an ordinary GET is answered 426.
   */
  socket(
    spec: Pick<Common, 'url' | 'operationId' | 'summary' | 'description' | 'tag' | 'errors'> & {
      open(handshake: Handshake): void;
    },
  ): void;
}
