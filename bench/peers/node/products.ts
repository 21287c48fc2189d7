/**
 * The same duties as Parley's cached `GET /products/{id}`, on bare node:http, by hand for this one route and with nothing of
 * ours. Its cache is a Redis that others may share, as Parley's is (`PEER_REDIS_URL`), or its own memory, which is less to do;
 * requests it counts by itself, where Parley counts them for all processes. A key's SHA-256 is looked up, with its end and its
 * permission; a bucket of requests; a request id and a trace, the caller's where there is one; the product's final JSON by
 * tenant and id, ETag and 304; the same headers; and when the answer is out or the client gone, one JSON line with the same
 * fields, in batches, and the same counters and histogram. It says its port, and is told the products.
 */
import { hash, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';

type Key = { tenantId: string; id: string; permissions: Set<string>; expiresAtMs: number | null };
type Bucket = { tokens: number; atMs: number };

const { PEER_TOKEN = '', PEER_PATH = '', PEER_TENANT: TENANT = '', PEER_REDIS_URL } = process.env;
const redis = PEER_REDIS_URL ? new Redis(PEER_REDIS_URL, { enableAutoPipelining: true }) : undefined;
const keys = new Map<string, Key>([
  [
    hash('sha256', PEER_TOKEN, 'hex'),
    { tenantId: TENANT, id: randomUUID(), permissions: new Set(['products:read']), expiresAtMs: null },
  ],
]);
const cache = new Map<string, { text: string; untilMs: number }>();
process.on('message', (products: { id: string; etag: string; json: string }[]) => {
  for (const { id, etag, json } of products)
    cache.set(`${TENANT}:${id}`, { text: `${etag}\n${json}`, untilMs: Date.now() + 3_600_000 });
  process.send?.({ kept: cache.size });
});

const LIMIT = { tokens: 100_000_000, windowMs: 60_000 };
const buckets = new Map<string, Bucket>();
const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'x-permitted-cross-domain-policies': 'none',
};
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const histograms = new Map<string, { counts: number[]; sum: number; count: number }>();
const counts = { inFlight: 0, hit: 0, miss: 0, allowed: 0, refused: 0 };

const lines: string[] = [];
const flush = () => {
  if (lines.length > 0) process.stdout.write(lines.splice(0).join(''));
};
setInterval(flush, 250);

/** Random bytes are drawn many at a time. */
let random = randomBytes(0);
function traceOf(header: string | string[] | undefined): { id: string; parent: string; flags: string } {
  const match = typeof header === 'string' ? TRACEPARENT.exec(header) : null;
  if (match !== null) return { id: match[1] as string, parent: match[2] as string, flags: match[3] as string };
  if (random.length === 0) random = randomBytes(24 * 256);
  const hex = random.toString('hex', 0, 24);
  random = random.subarray(24);
  return { id: hex.slice(0, 32), parent: hex.slice(32), flags: '00' };
}

function mayGo(key: Key): boolean {
  const nowMs = Date.now();
  const name = `${key.tenantId}:${key.id}`;
  const bucket = buckets.get(name) ?? { tokens: LIMIT.tokens, atMs: nowMs };
  buckets.set(name, bucket);
  const refilled = bucket.tokens + ((nowMs - bucket.atMs) * LIMIT.tokens) / LIMIT.windowMs;
  bucket.tokens = Math.min(LIMIT.tokens, refilled);
  bucket.atMs = nowMs;
  const allowed = bucket.tokens >= 1;
  if (allowed) bucket.tokens -= 1;
  counts[allowed ? 'allowed' : 'refused'] += 1;
  return allowed;
}

function observe(name: string, seconds: number): void {
  let histogram = histograms.get(name);
  if (histogram === undefined) {
    histogram = { counts: BOUNDS.map(() => 0), sum: 0, count: 0 };
    histograms.set(name, histogram);
  }
  const at = BOUNDS.findIndex((bound) => seconds <= bound);
  if (at >= 0) histogram.counts[at] = (histogram.counts[at] as number) + 1;
  histogram.sum += seconds;
  histogram.count += 1;
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const begun = performance.now();
  counts.inFlight += 1;
  const { method = '', url = '', headers } = request;
  const given = headers['x-request-id'];
  const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
  const trace = traceOf(headers.traceparent);
  let key: Key | undefined;
  let route = 'no route';
  response.once('close', () => {
    counts.inFlight -= 1;
    const ms = performance.now() - begun;
    const status = response.writableFinished ? response.statusCode : 499;
    observe(`${method} ${status} ${route}`, ms / 1_000);
    const line = {
      ...{ level: 'info', timestamp: new Date().toISOString(), module: 'http', request_id: requestId },
      ...{ tenant_id: key?.tenantId, actor_id: key?.id, trace_id: trace.id, method, route, status },
      ...{ duration_ms: Math.round(ms * 100) / 100, message: 'request' },
    };
    lines.push(`${JSON.stringify(line)}\n`);
    if (lines.length >= 100) flush();
  });
  const answer = (status: number, body: string, more?: Record<string, string>) =>
    response
      .writeHead(status, {
        ...HEADERS,
        'x-request-id': requestId,
        traceparent: `00-${trace.id}-${trace.parent}-${trace.flags}`,
        ...more,
        ...(status !== 304 && {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(body),
        }),
      })
      .end(body);

  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  if (method !== 'GET' || !path.startsWith(PEER_PATH)) return void answer(404, '{}');
  route = `${PEER_PATH}:product_id`;
  const { authorization = '' } = headers;
  if (authorization.startsWith('Bearer ')) key = keys.get(hash('sha256', authorization.slice(7), 'hex'));
  if (key === undefined || (key.expiresAtMs !== null && key.expiresAtMs <= Date.now())) return void answer(401, '{}');
  if (!mayGo(key)) return void answer(429, '{}');
  if (!key.permissions.has('products:read')) return void answer(403, '{}');
  const id = path.slice(PEER_PATH.length);
  const found = (text: string | null) => {
    counts[text === null ? 'miss' : 'hit'] += 1;
    if (text === null) return answer(404, '{}');
    const end = text.indexOf('\n');
    const etag = text.slice(0, end);
    const kept = { etag, 'cache-control': 'private, no-cache' };
    return headers['if-none-match'] === etag ? answer(304, '', kept) : answer(200, text.slice(end + 1), kept);
  };
  if (redis) void redis.get(`peer:${key.tenantId}:product:${id}`).then(found, () => answer(503, '{}'));
  else {
    const entry = cache.get(`${key.tenantId}:${id}`);
    found(entry !== undefined && entry.untilMs > Date.now() ? entry.text : null);
  }
}

const server = createServer({ keepAliveTimeout: 75_000, noDelay: true }, serve).listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
