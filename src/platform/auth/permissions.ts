/** Every permission of the product. A route names exactly one; a role and an API key's scopes are lists of them. */
export const PERMISSIONS = [
  'tenant:read',
  'tenant:write',
  'users:read',
  'users:write',
  'api_keys:read',
  'api_keys:write',
  'audit:read',
  'providers:read',
  'providers:write',
  'models:read',
  'models:invoke',
  'generations:read',
  'documents:read',
  'documents:write',
  'products:read',
  'products:write',
  'orders:read',
  'orders:write',
  'orders:operate',
  'agents:read',
  'agents:write',
  'agents:invoke',
  'discussions:read',
  'discussions:write',
  'webhooks:read',
  'webhooks:write',
  'events:read',
  'dead_letters:read',
  'dead_letters:write',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

export const ROLES = ['owner', 'admin', 'developer', 'operator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

const viewer: Permission[] = [
  'tenant:read',
  'models:read',
  'generations:read',
  'documents:read',
  'products:read',
  'orders:read',
  'agents:read',
  'discussions:read',
  'events:read',
];
const operator: Permission[] = [
  ...viewer,
  'models:invoke',
  'agents:invoke',
  'discussions:write',
  'documents:write',
  'products:write',
  'orders:write',
  'orders:operate',
  'dead_letters:read',
  'dead_letters:write',
];
const developer: Permission[] = [
  ...operator,
  'agents:write',
  'webhooks:read',
  'webhooks:write',
  'providers:read',
  'api_keys:read',
  'api_keys:write',
  'users:read',
];
const admin: Permission[] = [...developer, 'providers:write', 'users:write', 'audit:read'];

/** The one permission table. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  owner: new Set(PERMISSIONS),
  admin: new Set(admin),
  developer: new Set(developer),
  operator: new Set(operator),
  viewer: new Set(viewer),
};

/** What a member with these roles may do: the union of its roles' permissions. */
export function permissionsOf(roles: readonly Role[]): ReadonlySet<Permission> {
  const all = new Set<Permission>();
  for (const role of roles) for (const permission of ROLE_PERMISSIONS[role]) all.add(permission);
  return all;
}
