import type { FastifyRequest } from 'fastify';
import { AppError } from './errors.ts';

/** The ETag of a row's version. Strong: the same version is the same representation. */
export const etagOf = (version: number): string => `"${version}"`;

const STRONG = /^"(\d{1,15})"$/;
const MAX_TAGS = 20;

/**
 * The versions that `If-Match` names, or `any` for `*`. Throws `precondition_required` without the header. A weak or
 * foreign tag names no version of ours, so it matches nothing (RFC 9110, section 13.1.1).
 */
export function ifMatch(request: FastifyRequest): readonly number[] | 'any' {
  const header = request.headers['if-match']?.trim();
  if (!header) throw new AppError('precondition_required');
  if (header === '*') return 'any';
  return header
    .split(',', MAX_TAGS)
    .map((tag) => STRONG.exec(tag.trim())?.[1])
    .filter((version) => version !== undefined)
    .map(Number);
}

/**
 * Checks `If-Match` against the version that a row has now: throws `precondition_required` (428) without the header,
 * `version_mismatch` (412) where it does not name `current`. The update itself still says `where version = current`.
 */
export function requireIfMatch(request: FastifyRequest, current: number): void {
  const versions = ifMatch(request);
  if (versions !== 'any' && !versions.includes(current))
    throw new AppError('version_mismatch', { details: { current_version: current } });
}

/** Whether `If-None-Match` names this ETag; weak comparison (RFC 9110, section 13.1.2). */
export function noneMatch(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const bare = etag.replace(/^W\//, '');
  return header.split(',', MAX_TAGS).some((tag) => tag.trim().replace(/^W\//, '') === bare);
}
