import { type FollowOptions, follow } from '../follow.ts';
import { type List, log } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type {
  ApiDocument,
  AuditPage,
  AuditQuery,
  AuditRecord,
  AuditVerification,
  DeadLetter,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterSelection,
  DeadLetterSummary,
  EventDetails,
  EventPage,
  EventQuery,
  Health,
  Jwks,
  LogEvent,
  Readiness,
  Requeued,
  Streams,
  SystemReport,
} from '../types.ts';

/** What `events.follow` yields: an event of the log, or word that the log could not be resumed. */
export type FollowedEvent =
  | LogEvent
  | { type: 'reset'; cursor: string | undefined; data: { cursor: string; reason: string } };

/** Everything that happens in the tenant, on one log. */
export class Events {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first, as far back as the log is kept. */
  list(query: EventQuery = {}, options?: RequestOptions): List<LogEvent, EventPage> {
    return log((asked) => this.#transport.json({ method: 'GET', path: '/events', query: asked }, options), query);
  }

  /** With its data and its trace, as long as the log is kept. */
  get(id: string, options?: RequestOptions): Promise<EventDetails> {
    return this.#transport.json({ method: 'GET', path: `/events/${encodeURIComponent(id)}` }, options);
  }

  /** As it happens: all, or some streams (`discussions/…`) or types. `cursor` of a page of `list` goes on from there. */
  async *follow({
    streams,
    types,
    ...options
  }: FollowOptions & { streams?: string[]; types?: string[] } = {}): AsyncGenerator<FollowedEvent> {
    const query = { ...(streams && { streams: streams.join(',') }), ...(types && { types: types.join(',') }) };
    for await (const { type, cursor, data } of follow(this.#transport, { path: '/events/stream', query }, options)) {
      if (type === 'reset') yield { type, cursor, data: data as { cursor: string; reason: string } };
      else if (cursor !== undefined) yield data as LogEvent;
    }
  }
}

/** Events and jobs that could not be handled, and what waits behind them. */
export class DeadLetters {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first, without their contents. */
  list(query: DeadLetterQuery = {}, options?: RequestOptions): List<DeadLetterSummary, DeadLetterPage> {
    return log((asked) => this.#transport.json({ method: 'GET', path: '/dead-letters', query: asked }, options), query);
  }

  get(id: string, options?: RequestOptions): Promise<DeadLetter> {
    return this.#transport.json({ method: 'GET', path: pathOf(id) }, options);
  }

  /** Handles one again, with all that wait in the same stream; answers how many, and how many were kept. */
  requeue(id: string, options?: RequestOptions): Promise<Requeued> {
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/requeue` }, options);
  }

  /**
   * Handles some again, those that match, or all, in order. Of jobs a thousand at a time: repeat until `requeued` is 0.
   * `kept` stay, because an unfinished job has their key.
   */
  requeueAll(body: DeadLetterSelection = {}, options?: RequestOptions): Promise<Requeued> {
    return this.#transport.json({ method: 'POST', path: '/dead-letters/requeue', body }, options);
  }

  /** For good. */
  discard(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: pathOf(id) }, options);
  }

  /** For good: some, those that match, or `{ all: true }`; a thousand at a time. Answers how many. */
  async discardAll(body: DeadLetterSelection & { all?: true }, options?: RequestOptions): Promise<number> {
    const send = { method: 'POST', path: '/dead-letters/discard', body } as const;
    return (await this.#transport.json<{ discarded: number }>(send, options)).discarded;
  }
}

/** Who did what, in a chain of hashes. */
export class AuditLog {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(query: AuditQuery = {}, options?: RequestOptions): List<AuditRecord, AuditPage> {
    return log((asked) => this.#transport.json({ method: 'GET', path: '/audit-log', query: asked }, options), query);
  }

  /** Walks the chain and says where it breaks; with a `checkpoint` of yours, also whether that is still in it. */
  verify(query: { checkpoint?: string } = {}, options?: RequestOptions): Promise<AuditVerification> {
    return this.#transport.json({ method: 'GET', path: '/audit-log/verify', query }, options);
  }
}

/** The server itself. */
export class System {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Whether it is there. */
  health(options?: RequestOptions): Promise<Health> {
    return this.#transport.json({ method: 'GET', path: '/health', anonymous: true }, options);
  }

  /** Whether it can do its work: `unavailable` is an answer here, no error. */
  readiness(query: { allow?: 'degraded' } = {}, options?: RequestOptions): Promise<Readiness> {
    const send = { method: 'GET', path: '/health/ready', query, anonymous: true, fine: [503] } as const;
    return this.#transport.json(send, options);
  }

  /** How far the log and its readers are: shards, groups of consumers, processes. */
  streams(options?: RequestOptions): Promise<Streams> {
    return this.#transport.json({ method: 'GET', path: '/streams' }, options);
  }

  /** How it does: its build, its database, the log; the jobs and live connections of your own tenant. */
  get(options?: RequestOptions): Promise<SystemReport> {
    return this.#transport.json({ method: 'GET', path: '/system' }, options);
  }

  /** What the server says of itself: every operation, as OpenAPI 3.1. */
  openapi(options?: RequestOptions): Promise<ApiDocument> {
    return this.#transport.json({ method: 'GET', path: '/openapi.json', anonymous: true }, options);
  }

  /** The public keys that access tokens are signed with. */
  jwks(options?: RequestOptions): Promise<Jwks> {
    return this.#transport.json({ method: 'GET', path: '/.well-known/jwks.json', anonymous: true }, options);
  }
}

const pathOf = (id: string): string => `/dead-letters/${encodeURIComponent(id)}`;
