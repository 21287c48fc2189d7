import type { TObject, TSchema } from 'typebox';
import type { Permission } from '../auth/permissions.ts';
import type { LimitName } from './limits.ts';
import type { Access, Common, Wire } from './router.ts';
import type { Validate } from './validation.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A route's declaration, whatever made it. The documents and the generated tests read this. */
export type RouteSpec = Common & {
  readonly method: Method;
  readonly body?: TSchema;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly response?: TSchema;
  readonly status?: number;
  readonly alsoStatus?: readonly number[];
  readonly streams?: true;
  readonly downloads?: readonly string[];
  readonly bodyOptional?: true;
};

export type RouteKind = 'route' | 'command' | 'follow' | 'socket';

/** A route as it is mounted. */
export type MountedRoute = {
  readonly kind: RouteKind;
  readonly spec: RouteSpec;
  readonly method: Method;
  /** In Fastify's syntax (`/api/v1/agents/:agent_id`). The first one is documented; the others are the same. */
  readonly urls: readonly string[];
  readonly wire: Wire;
  /** Of the success answer. */
  readonly status: number;
  readonly limit: LimitName;
  /** Undefined for `public` and `authenticated`. */
  readonly permission: Permission | undefined;
  readonly validate: { readonly body: Validate; readonly params: Validate; readonly query: Validate };
  readonly serialise: (value: unknown) => string;
};

const PERMISSION_LESS: ReadonlySet<Access> = new Set(['public', 'authenticated']);

export const permissionOf = (access: Access): Permission | undefined =>
  PERMISSION_LESS.has(access) ? undefined : (access as Permission);
