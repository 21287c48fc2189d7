import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.ts';

/** For answers that are data: nothing may be loaded by them, nobody may frame them. */
const API_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/** For pages of ours: only what this server serves. Swagger UI, ReDoc and React set styles on elements. */
export const PAGE_CSP = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * For the console: pictures of products are wherever those who sell them have them. Their servers are told nothing but
 * that somebody looked (`Referrer-Policy: no-referrer`).
 */
export const CONSOLE_CSP = PAGE_CSP.replace("img-src 'self' data:", "img-src 'self' data: https:");

/** Sent with every answer. */
export function securityHeaders(config: Pick<Config, 'publicUrl'>): Readonly<Record<string, string>> {
  return {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'content-security-policy': API_CSP,
    'cross-origin-opener-policy': 'same-origin',
    'x-permitted-cross-domain-policies': 'none',
    // Only a server that is reached over TLS may ask for it for good.
    ...(config.publicUrl.startsWith('https:') && {
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    }),
  };
}

/** What a script of another origin may read. */
const EXPOSED = [
  'X-Request-ID',
  'traceparent',
  'ETag',
  'Location',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Idempotency-Replayed',
  'WWW-Authenticate',
].join(', ');
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const HEADER_NAMES = /^[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1024}$/;
const PREFLIGHT_SECONDS = '600';

/** Lets pages of `CORS_ORIGINS` call the API, with their cookies; `*` lets every page call it, without. */
export function cors(origins: readonly string[]): (request: FastifyRequest, reply: FastifyReply) => boolean {
  const allowed = new Set(origins);
  const anybody = allowed.has('*');
  return (request, reply) => {
    const { origin } = request.headers;
    if (origin === undefined) return false;
    reply.header('vary', 'Origin');
    const known = allowed.has(origin);
    const wanted = request.headers['access-control-request-method'];
    const isPreflight = request.method === 'OPTIONS' && wanted !== undefined;
    if (known || anybody) {
      reply.header('access-control-allow-origin', known ? origin : '*');
      if (known) reply.header('access-control-allow-credentials', 'true');
      reply.header('access-control-expose-headers', EXPOSED);
    }
    if (!isPreflight) return false;
    if (known || anybody) {
      const asked = request.headers['access-control-request-headers'];
      reply.header('access-control-allow-methods', METHODS);
      if (asked !== undefined && HEADER_NAMES.test(asked)) reply.header('access-control-allow-headers', asked);
      reply.header('access-control-max-age', PREFLIGHT_SECONDS);
    }
    reply.code(204).send();
    return true;
  };
}
