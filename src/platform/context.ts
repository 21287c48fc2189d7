import type { Permission, Role } from './auth/permissions.ts';

/**
 * What a confined key is good for: path parameters by name, each with the one value that it may have. A route says by
 * which of them such a key is bound (`confinedBy`); one that says nothing is closed to it.
 */
export type Confinement = Readonly<Record<string, string>>;

/** Who acts. `system` is Parley itself: a consumer, a job, a schedule. `id` is a user's, an API key's or a component's. */
export type Actor =
  | { readonly kind: 'user'; readonly id: string; readonly sessionId: string }
  | { readonly kind: 'api_key'; readonly id: string; readonly confinedTo?: Confinement }
  | { readonly kind: 'system'; readonly id: string };

/** A W3C trace position: what `traceparent` says. */
export type Trace = { readonly traceId: string; readonly spanId: string; readonly sampled: boolean };

/** What every use case is told first: the tenant it may touch, who acts, with which rights, and when to give up. */
export type Ctx = {
  readonly tenantId: string;
  readonly actor: Actor;
  readonly roles: readonly Role[];
  readonly permissions: ReadonlySet<Permission>;
  readonly requestId: string;
  readonly trace: Trace;
  readonly signal: AbortSignal;
};
