import { type Permission, permissionsOf, type Role } from '../../../platform/auth/permissions.ts';

/** Nobody gives away, or takes from another, more than they have themselves. */
export function mayGrant(granter: ReadonlySet<Permission>, roles: readonly Role[]): boolean {
  return permissionsOf(roles).isSubsetOf(granter);
}

/** Whether a change of one member's roles (to none: removal) leaves the tenant with an owner. */
export function keepsAnOwner(ownerIds: readonly string[], userId: string, newRoles: readonly Role[]): boolean {
  return newRoles.includes('owner') || ownerIds.some((id) => id !== userId);
}
