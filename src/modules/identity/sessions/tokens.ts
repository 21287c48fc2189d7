import { createHmac } from 'node:crypto';
import { bytesToUuid, sameBytes, uuidToBytes } from '../../../platform/auth/opaque.ts';

/**
 * A refresh token names its tenant, its session (the family) and its generation, and proves that it is genuine by a
 * MAC under the session's seed. So the successor of a token can be made again for a repeated refresh, a spent token
 * is told from a made-up one, and a session is one row however often it was refreshed.
 */
const PREFIX = 'parley_refresh_';
const BODY = /^[A-Za-z0-9_-]{91}$/;
const MAC_AT = 36;

export type RefreshToken = {
  readonly tenantId: string;
  readonly sessionId: string;
  /** 1 for the first of a session. */
  readonly generation: number;
};

export function makeRefreshToken(token: RefreshToken, seed: Buffer): string {
  const claims = claimsOf(token);
  return PREFIX + Buffer.concat([claims, macOf(claims, seed)]).toString('base64url');
}

/** What a token claims to be; undefined for text of another form. `isGenuine` must be asked before it is believed. */
export function readRefreshToken(text: string): RefreshToken | undefined {
  const bytes = bytesOf(text);
  if (bytes === undefined) return undefined;
  return {
    tenantId: bytesToUuid(bytes.subarray(0, 16)),
    sessionId: bytesToUuid(bytes.subarray(16, 32)),
    generation: bytes.readUInt32BE(32),
  };
}

export function isGenuine(text: string, seed: Buffer): boolean {
  const bytes = bytesOf(text);
  return bytes !== undefined && sameBytes(bytes.subarray(MAC_AT), macOf(bytes.subarray(0, MAC_AT), seed));
}

function bytesOf(text: string): Buffer | undefined {
  const body = text.slice(PREFIX.length);
  if (!text.startsWith(PREFIX) || !BODY.test(body)) return undefined;
  const bytes = Buffer.from(body, 'base64url');
  return bytes.toString('base64url') === body ? bytes : undefined;
}

function claimsOf({ tenantId, sessionId, generation }: RefreshToken): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(generation);
  return Buffer.concat([uuidToBytes(tenantId), uuidToBytes(sessionId), number]);
}

const macOf = (claims: Buffer, seed: Buffer) => createHmac('sha256', seed).update(claims).digest();
