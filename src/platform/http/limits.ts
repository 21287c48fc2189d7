import ipaddr from 'ipaddr.js';
import type { Principal } from '../auth/authenticate.ts';
import type { Limiter, Verdict } from '../reliability/limiter.ts';
import { AppError } from './errors.ts';

/** What a route counts against, and `anonymous` for requests that are nobody's. */
export type LimitName = 'default' | 'sign_in' | 'models' | 'anonymous';
export type Limit = { readonly tokens: number; readonly windowSeconds: number };
export type Limits = Readonly<Record<LimitName, Limit>>;

/**
 * `default` is the setting `REQUESTS_PER_MINUTE`. Generous: a busy console with several tabs makes 10 requests a second at most. They are here so that one runaway
 * client does not take the server from the others. `sign_in` is a caller's address's; the account's own throttle is
 * the identity module's.
 */
export const DEFAULT_LIMITS: Limits = {
  default: { tokens: 6_000, windowSeconds: 60 },
  models: { tokens: 1_200, windowSeconds: 60 },
  sign_in: { tokens: 120, windowSeconds: 60 },
  anonymous: { tokens: 1_200, windowSeconds: 60 },
};

/** Throws `rate_limited` when the caller has used up this limit. */
export async function takeLimit(limiter: Limiter, limits: Limits, name: LimitName, key: string): Promise<void> {
  const limit = limits[name];
  const counted = keyOf(name, key);
  if (limiter.spend(counted, limit)) return;
  const verdict = await limiter.take(counted, limit);
  if (!verdict.allowed) throw rateLimited(name, limit, verdict);
}

/** Whether the caller is let in without asking anybody; where not, `takeLimit` decides. */
export const spendLimit = (limiter: Limiter, limits: Limits, name: LimitName, key: string): boolean =>
  limiter.spend(keyOf(name, key), limits[name]);

const keyOf = (name: LimitName, key: string): string => `http:${name}:${key}`;

/** Counts by tenant and actor: one member's script does not slow the others down. */
export const principalKey = (principal: Principal): string => `${principal.tenantId}:${principal.actor.id}`;

/** Counts by address; an IPv6 customer owns a whole /64, so it counts as one. */
export function addressKey(ip: string): string {
  if (!ip.includes(':')) return ip;
  try {
    const address = ipaddr.process(ip);
    return address.kind() === 'ipv4' ? address.toString() : `${address.toByteArray().slice(0, 8).join('.')}/64`;
  } catch {
    return ip;
  }
}

function rateLimited(name: string, limit: Limit, verdict: Verdict): AppError {
  const reset = Math.max(1, Math.ceil(verdict.resetSeconds));
  return new AppError('rate_limited', {
    headers: {
      'retry-after': String(reset),
      'ratelimit-policy': `"${name}";q=${limit.tokens};w=${limit.windowSeconds}`,
      ratelimit: `"${name}";r=${verdict.remaining};t=${reset}`,
    },
  });
}
