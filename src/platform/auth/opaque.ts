import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Opaque tokens that carry their tenant: a name that says what leaked, then one base64url word of fixed length.
 * The tenant comes after 32 bytes of secret, so that the first characters tell two tokens of a tenant apart.
 */
const SECRET_BYTES = 32;
const UUID_BYTES = 16;
const BODY = /^[A-Za-z0-9_-]{64}$/;

/** What is kept of an opaque token, and how it is looked up: SHA-256 suffices, the secret being 256 random bits. */
export const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer');

/** The same as a text, to look it up by in memory. */
export const digestTextOf = (token: string): string => hash('sha256', token, 'base64url');

/** Compares in a time that tells nothing but the lengths, which are fixed. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

export function uuidToBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

export function bytesToUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A new token `{name}_{64 characters}`, with its digest. */
export function newOpaque(name: string, tenantId: string): { token: string; digest: Buffer } {
  const body = Buffer.concat([randomBytes(SECRET_BYTES), uuidToBytes(tenantId)]);
  const token = `${name}_${body.toString('base64url')}`;
  return { token, digest: digestOf(token) };
}

/** The tenant that a token of this name carries and the digest to look it up by; undefined for any other text. */
export function readOpaque(name: string, token: string): { tenantId: string; digest: Buffer } | undefined {
  if (!token.startsWith(`${name}_`)) return undefined;
  const body = token.slice(name.length + 1);
  if (!BODY.test(body)) return undefined;
  const bytes = Buffer.from(body, 'base64url');
  return { tenantId: bytesToUuid(bytes.subarray(SECRET_BYTES, SECRET_BYTES + UUID_BYTES)), digest: digestOf(token) };
}
