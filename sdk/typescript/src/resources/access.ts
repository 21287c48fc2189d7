import { eachOfPages, type Page } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type { ApiKey, Invitation, Member, NewApiKey, Role } from '../types.ts';

type PageQuery = { page?: number; page_size?: number };
export type ApiKeyInput = { name: string; scopes: string[]; expires_at?: string };

/** Keys for programs. */
export class ApiKeys {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: PageQuery = {}, options?: RequestOptions): Promise<Page<ApiKey>> {
    return this.#transport.json({ method: 'GET', path: '/api-keys', query }, options);
  }

  /** The answer holds the key itself; it is never shown again. */
  create(body: ApiKeyInput, options?: RequestOptions): Promise<NewApiKey> {
    return this.#transport.json({ method: 'POST', path: '/api-keys', body, creates: true }, options);
  }

  revoke(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: `/api-keys/${encodeURIComponent(id)}` }, options);
  }
}

/** The people of a tenant. */
export class Users {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: PageQuery = {}, options?: RequestOptions): Promise<Page<Member>> {
    return this.#transport.json({ method: 'GET', path: '/users', query }, options);
  }

  all(options?: RequestOptions): AsyncGenerator<Member> {
    return eachOfPages((page) => this.list({ page, page_size: 100 }, options));
  }

  setRoles(id: string, roles: Role[], options?: RequestOptions): Promise<Member> {
    return this.#transport.json(
      { method: 'PATCH', path: `/users/${encodeURIComponent(id)}`, body: { roles } },
      options,
    );
  }

  remove(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: `/users/${encodeURIComponent(id)}` }, options);
  }
}

/** Invitations into a tenant. */
export class Invitations {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: PageQuery = {}, options?: RequestOptions): Promise<Page<Invitation>> {
    return this.#transport.json({ method: 'GET', path: '/invitations', query }, options);
  }

  create(body: { email: string; roles: Role[] }, options?: RequestOptions): Promise<Invitation> {
    return this.#transport.json({ method: 'POST', path: '/invitations', body, creates: true }, options);
  }

  revoke(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: `/invitations/${encodeURIComponent(id)}` }, options);
  }
}
