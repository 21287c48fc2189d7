import { catalogue, type List } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type {
  ApiKey,
  ApiKeyInput,
  ApiKeyPage,
  Invitation,
  InvitationInput,
  InvitationPage,
  Member,
  MemberPage,
  NewApiKey,
  NewInvitation,
  Role,
  RolePermissions,
} from '../types.ts';

type PageQuery = { page?: number; page_size?: number };

/** Keys for programs. */
export class ApiKeys {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: PageQuery = {}, options?: RequestOptions): List<ApiKey, ApiKeyPage> {
    return catalogue(
      (asked) => this.#transport.json({ method: 'GET', path: '/api-keys', query: asked }, options),
      query,
    );
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

  list(query: PageQuery = {}, options?: RequestOptions): List<Member, MemberPage> {
    return catalogue((asked) => this.#transport.json({ method: 'GET', path: '/users', query: asked }, options), query);
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

  list(query: PageQuery = {}, options?: RequestOptions): List<Invitation, InvitationPage> {
    return catalogue(
      (asked) => this.#transport.json({ method: 'GET', path: '/invitations', query: asked }, options),
      query,
    );
  }

  /** The answer holds its token; it is never shown again. */
  create(body: InvitationInput, options?: RequestOptions): Promise<NewInvitation> {
    return this.#transport.json({ method: 'POST', path: '/invitations', body, creates: true }, options);
  }

  revoke(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: `/invitations/${encodeURIComponent(id)}` }, options);
  }
}

/** What each role may do. */
export class Roles {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options?: RequestOptions): Promise<RolePermissions[]> {
    const { items } = await this.#transport.json<{ items: RolePermissions[] }>(
      { method: 'GET', path: '/roles' },
      options,
    );
    return items;
  }
}
