import type { Permission } from '../../platform/auth/permissions.ts';

/** A key may do what it was made for, and never more than the member who made it may do now. */
export function permissionsOfKey(
  scopes: readonly Permission[],
  maker: ReadonlySet<Permission>,
): ReadonlySet<Permission> {
  return new Set(scopes.filter((scope) => maker.has(scope)));
}

/** The scopes that somebody asked for and does not have. */
export function scopesBeyond(scopes: readonly Permission[], own: ReadonlySet<Permission>): Permission[] {
  return scopes.filter((scope) => !own.has(scope));
}

/** The longest that a key may be good for: none is for ever unless it has no end at all, which is said by leaving it out. */
export const MAX_KEY_LIFE_MS = 10 * 365 * 24 * 3_600_000;

/** What is wrong with the end of a new key; undefined when nothing is. */
export function expiryFault(expiresAt: Date, now: Date): string | undefined {
  if (expiresAt <= now) return 'must be in the future';
  if (expiresAt.getTime() > now.getTime() + MAX_KEY_LIFE_MS) return 'must be within ten years';
  return undefined;
}

const BEARER = /^Bearer +([\x21-\x7e]{1,4096}) *$/i;

/** The token of an `Authorization: Bearer …` header. */
export const bearerOf = (authorization: string): string | undefined => BEARER.exec(authorization)?.[1];

/** A path that a ticket can be for: absolute, visible ASCII, no query, no fragment. */
export const TICKET_PATH = '^/[\\x21-\\x22\\x24-\\x3e\\x40-\\x7e]{0,511}$';
