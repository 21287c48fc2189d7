import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { Agent, buildConnector } from 'undici';
import { type Allowed, hostAllowed, hostOf, isPublicAddress, parseAllowed, portOf } from './addresses.ts';

/**
 * Who set a URL. `operator`: whoever runs the server, trusted, may be private. `tenant`: anybody; only public
 * addresses on the ports 80 and 443, unless the operator listed the host in `OUTBOUND_ALLOW`.
 */
export type OutboundKind = 'operator' | 'tenant';

/** A URL, a redirect or an address that this server does not call. The message is fit for whoever set the URL. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused';
}

/** An answer of which the body is still coming. */
export type Answer = {
  readonly status: number;
  /** By their names in lower case; of those that came more than once, all, with commas between. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its text (UTF-8), read once. Whoever stops reading it, or never begins, calls `drop`. */
  readonly body: AsyncIterable<string>;
  /** Closes the connection, unless the body has been read to its end. */
  drop(): void;
};

/** The signal is the deadline: it ends the request at any moment, and its answer. */
export type Post = (
  url: string,
  request: { readonly headers: Record<string, string>; readonly body: string; readonly signal: AbortSignal },
) => Promise<Answer>;

/** The only way out to a URL that came from outside. */
export interface Outbound {
  /**
   * `fetch` under the guard. Addresses are vetted after the name was resolved, for that very connection; redirects of
   * GET and HEAD are followed (3 at most) with every hop checked and credentials dropped across origins, those of
   * other methods refused; a body ends with an error after 64 MiB, and everything after ten minutes.
   */
  fetch(kind: OutboundKind): typeof globalThis.fetch;
  /**
   * A POST under the same guard, of which no redirect is followed and whose answer is read as it comes. For what is open
   * for long and often: it takes a quarter of the memory that `fetch` and its streams take.
   */
  post(kind: OutboundKind): Post;
  /** Refuses by throwing `OutboundRefused` what can be told from the URL alone. */
  check(url: string, kind: OutboundKind): URL;
  /** Ends all connections. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_MS = 600_000;
/** Between two pieces of a body, and before its headers. Callers with a deadline of their own are stricter. */
const IDLE_MS = 180_000;
const CONNECT_MS = 10_000;
/** More than turns at once in one process: what waits for a connection here waits unseen. */
const MAX_CONNECTIONS_PER_ORIGIN = 4_096;
const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'x-goog-api-key', 'api-key'];
const WEB_PORTS = new Set([80, 443]);
const utf8 = new TextEncoder();

type Options = {
  /** `OUTBOUND_ALLOW`. */
  readonly allow: readonly string[];
  /** Stands in for the system's resolver in tests. */
  readonly lookup?: LookupFunction;
};

/** Throws when an entry of `allow` is not understood. undici is loaded with the first request. */
export function createOutbound({ allow: entries, lookup = systemLookup as LookupFunction }: Options): Outbound {
  const allow = entries.map(parseAllowed);
  const pools = new Map<OutboundKind, Promise<{ agent: Agent; undici: typeof import('undici') }>>();
  const pool = (kind: OutboundKind) => {
    const open = pools.get(kind) ?? openPool(kind === 'operator' ? undefined : { allow, lookup });
    pools.set(kind, open);
    return open;
  };
  const check = (url: string, kind: OutboundKind) => checkUrl(url, kind, allow);

  const guarded =
    (kind: OutboundKind) =>
    async (input: string | URL | Request, init: RequestInit = {}) => {
      if (input instanceof Request) throw new TypeError('Give outbound.fetch a URL, not a Request');
      const { agent, undici } = await pool(kind);
      const signal = AbortSignal.any([AbortSignal.timeout(MAX_MS), ...(init.signal ? [init.signal] : [])]);
      let url = check(String(input), kind);
      const headers = new Headers(init.headers);
      for (let hop = 0; ; hop++) {
        const response = await undici.fetch(url, {
          ...(init as import('undici').RequestInit),
          headers: [...headers],
          signal,
          redirect: 'manual',
          dispatcher: agent,
        });
        if (!REDIRECTS.has(response.status)) return response as unknown as Response;
        await response.body?.cancel();
        url = nextHop(url, response.headers.get('location'), { method: init.method ?? 'GET', hop, headers });
        check(url.href, kind);
      }
    };

  const posting =
    (kind: OutboundKind): Post =>
    async (text, { headers, body: sent, signal }) => {
      const { agent } = await pool(kind);
      // It is kept until the answer ends. As a string it would be a slice of Node's pool, and hold 64 KB for a little one.
      const body = utf8.encode(sent);
      const { origin, pathname, search } = check(text, kind);
      const answer = await agent.request({ origin, path: pathname + search, method: 'POST', headers, body, signal });
      // Whoever reads it hears of what breaks it; nobody else needs to.
      answer.body.on('error', () => {});
      answer.body.setEncoding('utf8');
      const drop = () => void answer.body.destroy();
      if (REDIRECTS.has(answer.statusCode)) {
        drop();
        throw new OutboundRefused(REDIRECTED);
      }
      return { status: answer.statusCode, headers: flat(answer.headers), body: answer.body, drop };
    };

  return {
    check,
    fetch: (kind) => guarded(kind) as typeof globalThis.fetch,
    post: posting,
    async close() {
      const open = await Promise.all(pools.values());
      pools.clear();
      await Promise.all(open.map(({ agent }) => agent.destroy()));
    },
  };
}

function checkUrl(text: string, kind: OutboundKind, allow: readonly Allowed[]): URL {
  const url = URL.parse(text);
  if (url === null) throw new OutboundRefused('This is not a URL.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutboundRefused('Only http and https URLs can be called.');
  }
  if (url.username !== '' || url.password !== '') throw new OutboundRefused('A URL must not hold a user or password.');
  if (kind === 'operator') return url;
  const host = hostOf(url);
  const port = portOf(url);
  if (hostAllowed(allow, host, port)) return url;
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new OutboundRefused(PRIVATE);
  if (isLocalName(host)) throw new OutboundRefused(PRIVATE);
  // A name that may resolve into an allowed range is decided when it is resolved.
  const ranges = isIP(host) === 0 && allow.some((entry) => entry.kind === 'range');
  if (!WEB_PORTS.has(port) && !ranges) throw new OutboundRefused('Only the ports 80 and 443 can be called.');
  return url;
}

const PRIVATE = 'The address is not a public one. Whoever runs this server can allow it (OUTBOUND_ALLOW).';

const REDIRECTED = 'The answer was a redirect, which is not followed.';

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flattened = Object.entries(headers).map(([name, value]) => [name, [value ?? []].flat().join(', ')] as const);
  return Object.fromEntries(flattened);
}

const isLocalName = (host: string): boolean =>
  /(?:^|\.)(?:localhost|local|internal|localdomain)$/.test(host) || !/[.:]/.test(host);

/** Where a redirect leads, with credentials dropped when that is another origin. */
function nextHop(
  from: URL,
  location: string | null,
  { method, hop, headers }: { method: string; hop: number; headers: Headers },
): URL {
  const to = location === null ? null : URL.parse(location, from);
  if (to === null) throw new OutboundRefused('The answer was a redirect to nowhere.');
  if (method !== 'GET' && method !== 'HEAD') throw new OutboundRefused(REDIRECTED);
  if (hop >= MAX_REDIRECTS) throw new OutboundRefused(`More than ${MAX_REDIRECTS} redirects.`);
  if (from.protocol === 'https:' && to.protocol !== 'https:')
    throw new OutboundRefused('A redirect from https to http is not followed.');
  if (to.origin !== from.origin) for (const name of CREDENTIALS) headers.delete(name);
  return to;
}

/** Connections whose addresses are vetted when `vet` says how; never through a proxy of the environment. */
async function openPool(vet: { allow: readonly Allowed[]; lookup: LookupFunction } | undefined) {
  const undici = await import('undici');
  const settings = { timeout: CONNECT_MS, allowH2: false };
  const agent = new undici.Agent({
    connect: vet === undefined ? settings : vettingConnector(undici.buildConnector, settings, vet),
    connections: MAX_CONNECTIONS_PER_ORIGIN,
    headersTimeout: IDLE_MS,
    bodyTimeout: IDLE_MS,
    maxResponseSize: MAX_BODY_BYTES,
  });
  return { agent, undici };
}

/** One connector a port, since a lookup is not told the port that it is for. */
function vettingConnector(
  build: typeof buildConnector,
  settings: { timeout: number; allowH2: boolean },
  { allow, lookup }: { allow: readonly Allowed[]; lookup: LookupFunction },
): buildConnector.connector {
  const connectors = new Map<number, buildConnector.connector>();
  return (options, callback) => {
    const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80));
    const name = options.hostname.replace(/^\[|\]$/g, '');
    // An address literal never reaches a lookup.
    if (isIP(name) !== 0 && !mayConnect(allow, name, port)) return callback(new OutboundRefused(PRIVATE), null);
    let connect = connectors.get(port);
    if (connect === undefined) {
      connect = build({ ...settings, lookup: vettingLookup({ allow, lookup, port }) } as buildConnector.BuildOptions);
      if (connectors.size < 64) connectors.set(port, connect);
    }
    return connect(options, callback);
  };
}

const mayConnect = (allow: readonly Allowed[], address: string, port: number): boolean =>
  (isPublicAddress(address) && WEB_PORTS.has(port)) || hostAllowed(allow, address, port);

/** Resolves a name and refuses it when any of its addresses is not one to call: the answer is then not to be trusted. */
function vettingLookup({
  allow,
  lookup,
  port,
}: {
  allow: readonly Allowed[];
  lookup: LookupFunction;
  port: number;
}): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const addresses = Array.isArray(found) ? found : [];
      const trusted = hostAllowed(allow, hostname.replace(/\.$/, ''), port);
      if (addresses.length === 0 || (!trusted && !addresses.every(({ address }) => mayConnect(allow, address, port)))) {
        return callback(new OutboundRefused(PRIVATE), []);
      }
      const [first] = addresses as [(typeof addresses)[0], ...typeof addresses];
      return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}
