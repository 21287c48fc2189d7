import { type CryptoKey, jwtVerify, type KeyObject } from 'jose';
import type { Clock } from '../../lib/clock.ts';
import { isUuid } from '../../lib/ids.ts';
import { AppError } from '../http/errors.ts';

/** Longest access token that is looked at; ours have about 500 characters. */
const MAX_TOKEN_LENGTH = 2_048;
/** How far the clocks of two machines may differ. */
export const CLOCK_SKEW_SECONDS = 30;
/** Longer than any token we sign lives: a stolen key must not make one that lasts. */
const MAX_LIFETIME_SECONDS = 3_600;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** What our access tokens say (`typ: at+jwt`): user, tenant, session. Times are Unix seconds. */
export type AccessClaims = {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly tid: string;
  readonly sid: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly nbf?: number;
};

export type VerifyOptions = {
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Clock;
  /** The public key of this id, if its tokens can still be alive. A look-up in a list, never a path or URL. */
  readonly keyOf: (kid: string) => Promise<CryptoKey | KeyObject | undefined>;
  /** How many verified tokens are kept. Default 10,000. */
  readonly cacheSize?: number;
};

/**
 * Access token → claims. A strict front decides what a token of ours looks like before any cryptography (bare `jose`
 * takes tokens that we would never make); `jose` then checks the signature; verified tokens are kept by their raw
 * text, because verification costs 100–170 µs and a look-up under 1. `exp` is checked on every hit.
 * Throws AppError `token_expired` or `unauthenticated`.
 */
export function createVerifier(options: VerifyOptions): (token: string) => Promise<AccessClaims> {
  const { issuer, audience, clock, keyOf, cacheSize = 10_000 } = options;
  const verified = new Map<string, AccessClaims>();
  const nowSeconds = () => clock.now().getTime() / 1_000;

  return async (token) => {
    const known = verified.get(token);
    if (known !== undefined) {
      if (known.exp + CLOCK_SKEW_SECONDS > nowSeconds()) return known;
      verified.delete(token);
      throw new AppError('token_expired');
    }
    const { kid, claims } = readToken(token, { issuer, audience });
    checkTimes(claims, nowSeconds());
    const key = await keyOf(kid);
    if (key === undefined) throw notGood();
    try {
      await jwtVerify(token, key, { algorithms: ['EdDSA'], currentDate: new Date(claims.iat * 1_000) });
    } catch (cause) {
      throw notGood(cause);
    }
    // The oldest entry makes room; tokens live ten minutes, so the oldest is the likeliest to be dead.
    if (verified.size >= cacheSize) for (const first of verified.keys()) if (verified.delete(first)) break;
    verified.set(token, claims);
    return claims;
  };
}

/** Why is not told; but who sent something else than he meant (half a key, say) hears what it was taken for. */
const notGood = (cause?: unknown): AppError =>
  new AppError('unauthenticated', {
    message: 'This access token is not good. (An API key begins with parley_.)',
    cause,
  });

/** The strict front: form, header and claims, without times and signature. */
function readToken(token: string, expected: { issuer: string; audience: string }) {
  if (token.length > MAX_TOKEN_LENGTH) throw notGood();
  const parts = token.split('.');
  const [header, payload, signature] = parts.map(decodeStrictly);
  if (parts.length !== 3 || header === undefined || payload === undefined) throw notGood();
  if (signature?.length !== 64) throw notGood();

  const { alg, typ, kid, ...others } = parseObject(header);
  // Only the three fields that we write: no crit, jku, x5u, jwk or b64 to be talked into anything.
  if (alg !== 'EdDSA' || typ !== 'at+jwt' || Object.keys(others).length > 0) throw notGood();
  if (typeof kid !== 'string' || !KEY_ID.test(kid)) throw notGood();

  const claims = parseObject(payload);
  if (!isAccessClaims(claims) || claims.iss !== expected.issuer || claims.aud !== expected.audience) {
    throw notGood();
  }
  return { kid, claims };
}

function checkTimes({ iat, exp, nbf }: AccessClaims, now: number): void {
  if (iat > now + CLOCK_SKEW_SECONDS || (nbf ?? iat) > now + CLOCK_SKEW_SECONDS) throw notGood();
  if (exp <= iat || exp - iat > MAX_LIFETIME_SECONDS) throw notGood();
  if (exp + CLOCK_SKEW_SECONDS <= now) throw new AppError('token_expired');
}

/** Base64url without padding, white space or stray bits: one text for each value, so that a cache key is one token. */
function decodeStrictly(part: string): Buffer | undefined {
  if (!BASE64URL.test(part)) return undefined;
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw notGood(cause);
  }
  throw notGood();
}

function isAccessClaims(value: Record<string, unknown>): value is AccessClaims {
  const id = (claim: unknown) => typeof claim === 'string' && isUuid(claim);
  return (
    typeof value.iss === 'string' &&
    typeof value.aud === 'string' &&
    id(value.sub) &&
    id(value.tid) &&
    id(value.sid) &&
    id(value.jti) &&
    Number.isSafeInteger(value.iat) &&
    Number.isSafeInteger(value.exp) &&
    (value.nbf === undefined || Number.isSafeInteger(value.nbf))
  );
}
