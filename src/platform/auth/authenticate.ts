import type { Actor } from '../context.ts';
import type { Permission, Role } from './permissions.ts';

/** What a request brought to say who it is. */
export type Credentials = {
  /** The `Authorization` header as it came: `Bearer` and an access token or an API key. */
  readonly authorization?: string | undefined;
  /** `?ticket=`, which only routes that follow the log may hand in. */
  readonly ticket?: string | undefined;
  /** The request's path without its query, as it came: a ticket is good for exactly one. */
  readonly path: string;
};

/** Who a request turned out to come from: the parts of a `Ctx` that authentication knows. */
export type Principal = {
  readonly tenantId: string;
  readonly actor: Actor;
  readonly roles: readonly Role[];
  readonly permissions: ReadonlySet<Permission>;
  /** When these credentials end, in Unix milliseconds; undefined when they have no end of their own. */
  readonly expiresAtMs: number | undefined;
};

/**
 * Answers undefined when the request brought no credentials at all. Throws AppError `unauthenticated` or
 * `token_expired` for credentials that are not good. A principal at once where nothing has to be asked, which is so for
 * nearly every request: the promises of asking cost more than the answer.
 */
export type Authenticate = (credentials: Credentials) => Principal | undefined | Promise<Principal | undefined>;

/** Told by http of every refusal for want of a permission. Returns at once; repeats are collapsed. */
export type OnDenied = (denied: { principal: Principal; permission: Permission; operationId: string }) => void;
