import { ApiKeys, Invitations, Roles, Users } from './resources/access.ts';
import { Agents } from './resources/agents.ts';
import { Auth, refresh } from './resources/auth.ts';
import { Chat } from './resources/chat.ts';
import { Discussions } from './resources/discussions.ts';
import { Documents } from './resources/documents.ts';
import { Generations, Models, Providers } from './resources/models.ts';
import { AuditLog, DeadLetters, Events, System } from './resources/operations.ts';
import { Orders } from './resources/orders.ts';
import { Products } from './resources/products.ts';
import { Webhooks } from './resources/webhooks.ts';
import { LiveSocket, type SocketOptions } from './socket/socket.ts';
import { fixedToken, providedToken, SessionTokens, type TokenSource } from './tokens.ts';
import { Transport } from './transport.ts';

export type ParleyOptions = {
  /** Where the API is, its prefix included. Default: `/api/v1` on this page's origin, or on http://127.0.0.1:8080. */
  baseUrl?: string | undefined;
  /** For programs. One of `apiKey`, `accessToken` and `session` at most. */
  apiKey?: string | undefined;
  /** Access tokens of your own making; asked anew, with the refused one, after a 401. */
  accessToken?: string | ((stale?: string) => string | Promise<string>) | undefined;
  /**
   * For people: sign in with `client.auth`. `memory` (default) keeps both tokens in this object; `cookie` leaves the
   * refresh token to the browser, out of any script's reach.
   */
  session?: 'memory' | 'cookie' | undefined;
  /** A kept refresh token to start a `memory` session from. */
  refreshToken?: string | undefined;
  /** For one attempt of an ordinary request, in milliseconds. Default 60,000. */
  timeoutMs?: number | undefined;
  /** Repeats of one request that a repeat can mend. Default 2. */
  maxRetries?: number | undefined;
  /** Repeats a second over all requests of this client, ten seconds' worth at once. Default 10; 0 repeats nothing. */
  retriesPerSecond?: number | undefined;
  fetch?: typeof globalThis.fetch | undefined;
};

/** A Parley server, as one tenant's person or program sees it. */
export class Parley {
  readonly auth: Auth;
  readonly agents: Agents;
  readonly documents: Documents;
  readonly products: Products;
  readonly orders: Orders;
  readonly discussions: Discussions;
  readonly models: Models;
  readonly providers: Providers;
  readonly generations: Generations;
  readonly apiKeys: ApiKeys;
  readonly users: Users;
  readonly invitations: Invitations;
  readonly roles: Roles;
  readonly chat: Chat;
  readonly events: Events;
  readonly deadLetters: DeadLetters;
  readonly auditLog: AuditLog;
  readonly system: System;
  readonly webhooks: Webhooks;

  readonly #live: { baseUrl: string; tokens: TokenSource };

  constructor(options: ParleyOptions = {}) {
    const cookie = options.session === 'cookie';
    const session = sessionOf(options, (refreshToken) => refresh(transport, refreshToken, cookie));
    const tokens = session ?? tokensOf(options);
    const transport = new Transport({
      baseUrl: options.baseUrl ?? defaultBaseUrl(),
      tokens,
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      timeoutMs: options.timeoutMs ?? 60_000,
      maxRetries: options.maxRetries ?? 2,
      retriesPerSecond: options.retriesPerSecond ?? 10,
      credentials: cookie ? 'include' : undefined,
    });
    this.auth = new Auth(transport, session, cookie);
    this.agents = new Agents(transport);
    this.documents = new Documents(transport);
    this.products = new Products(transport);
    this.orders = new Orders(transport);
    this.discussions = new Discussions(transport);
    this.models = new Models(transport);
    this.providers = new Providers(transport);
    this.generations = new Generations(transport);
    this.apiKeys = new ApiKeys(transport);
    this.users = new Users(transport);
    this.invitations = new Invitations(transport);
    this.roles = new Roles(transport);
    this.chat = new Chat(transport);
    this.events = new Events(transport);
    this.deadLetters = new DeadLetters(transport);
    this.auditLog = new AuditLog(transport);
    this.system = new System(transport);
    this.webhooks = new Webhooks(transport);
    this.#live = { baseUrl: transport.baseUrl, tokens };
  }

  /**
   * One WebSocket for many channels: `socket.subscribe('discussions/…')`. It connects with the first of them, and stays
   * until `socket.close()`. Throws where there is no `WebSocket`, and none is given.
   */
  connect(options: SocketOptions = {}): LiveSocket {
    return new LiveSocket({ ...options, ...this.#live });
  }
}

type Refresh = ConstructorParameters<typeof SessionTokens>[0]['refresh'];

function sessionOf(options: ParleyOptions, refreshWith: Refresh): SessionTokens | undefined {
  const given = [options.apiKey, options.accessToken, options.session].filter((value) => value !== undefined).length;
  if (given > 1) throw new TypeError('Give one of apiKey, accessToken and session.');
  if (options.apiKey !== undefined || options.accessToken !== undefined) return undefined;
  const session = new SessionTokens({ mode: options.session ?? 'memory', refresh: refreshWith });
  if (options.refreshToken !== undefined) session.resume(options.refreshToken);
  return session;
}

function tokensOf({ apiKey, accessToken }: ParleyOptions): TokenSource {
  if (typeof accessToken === 'function') return providedToken(accessToken);
  return fixedToken(apiKey ?? accessToken ?? '');
}

function defaultBaseUrl(): string {
  const { location } = globalThis as { location?: { origin?: string } };
  const origin = location?.origin?.startsWith('http') ? location.origin : 'http://127.0.0.1:8080';
  return `${origin}/api/v1`;
}
