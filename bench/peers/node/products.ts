/**
 * The same duties as Parley's cached `GET /products/{id}`, on bare node:http, the fastest way that we know: a verified token
 * (kept by its text), a bucket of requests, the product's final JSON from memory, ETag and 304, a request id, one JSON log
 * line in batches, a histogram a request. It says its port.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const { PEER_TOKEN = '', PEER_PATH = '', PEER_BODY = '', PEER_ETAG = '' } = process.env;
const tokens = new Map([[PEER_TOKEN, { tenantId: randomUUID(), exp: Date.now() + 3_600_000 }]]);
const cache = new Map([[PEER_PATH, { body: PEER_BODY, etag: PEER_ETAG }]]);
const buckets = new Map<string, { tokens: number; atMs: number }>();
const counts = new Float64Array(12);
const log = createWriteStream('/dev/null');
let lines: string[] = [];
setInterval(() => {
  if (lines.length > 0) log.write(lines.join(''));
  lines = [];
}, 100);

createServer((request, response) => {
  const begun = performance.now();
  const requestId = randomUUID();
  const { method, url = '', headers } = request;
  const finish = (status: number, body: string, etag?: string) => {
    const head: Record<string, string | number> = {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'x-request-id': requestId,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-cache',
    };
    if (etag !== undefined) head.etag = etag;
    response.writeHead(status, head).end(body);
    const ms = performance.now() - begun;
    const bucket = Math.min(11, Math.max(0, Math.ceil(Math.log2(ms * 4))));
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    lines.push(
      `${JSON.stringify({ level: 'info', time: new Date().toISOString(), message: 'request', method, route: '/products/:id', status, request_id: requestId, duration_ms: ms })}\n`,
    );
  };
  const claims = tokens.get((headers.authorization ?? '').slice(7));
  if (claims === undefined || claims.exp < Date.now()) return finish(401, '{}');
  const bucket = buckets.get(claims.tenantId) ?? { tokens: 1e9, atMs: begun };
  buckets.set(claims.tenantId, bucket);
  bucket.tokens = Math.min(1e9, bucket.tokens + (begun - bucket.atMs) * 1_000) - 1;
  bucket.atMs = begun;
  if (bucket.tokens < 0) return finish(429, '{}');
  const found = cache.get(url);
  if (found === undefined) return finish(404, '{}');
  if (headers['if-none-match'] === found.etag) return finish(304, '', found.etag);
  finish(200, found.body, found.etag);
}).listen(0, '127.0.0.1', function (this: { address(): AddressInfo | string | null }) {
  process.send?.({ port: (this.address() as AddressInfo).port });
});
