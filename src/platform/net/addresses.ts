import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

// Global unicast as IANA hands it out. ipaddr.js names the special ranges inside; 3fff::/20 (documentation, RFC 9637)
// is checked here because its releases differ on it.
const GLOBAL_V6 = ipaddr.parseCIDR('2000::/3');
const DOCUMENTATION_V6 = ipaddr.parseCIDR('3fff::/20');

/**
 * Whether an address is one that anybody on the internet may be told to call: global unicast, and none of the ranges
 * that are private, local, reserved, multicast, or that wrap another address (IPv4-mapped, NAT64, 6to4, Teredo).
 * What does not parse is not public.
 */
export function isPublicAddress(address: string): boolean {
  // Node's own parser is the strict one: ipaddr.js also takes `1.1.1` and `0x7f.1`.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || (parsed.match(GLOBAL_V6) && !parsed.match(DOCUMENTATION_V6));
}

/** One entry of `OUTBOUND_ALLOW`. */
export type Allowed =
  | { readonly kind: 'range'; readonly range: [ipaddr.IPv4 | ipaddr.IPv6, number] }
  | { readonly kind: 'host'; readonly host: string; readonly port: number | undefined };

/** Reads an entry: a host, `host:port`, an address, `[v6]:port` or a CIDR range. Throws a sentence when it is none. */
export function parseAllowed(entry: string): Allowed {
  const text = entry.trim().toLowerCase();
  if (ipaddr.isValidCIDR(text)) return { kind: 'range', range: ipaddr.parseCIDR(text) };
  const bare = ipaddr.IPv6.isValid(text) ? `[${text}]` : text;
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(\d{1,5}))?$/.exec(bare);
  const url = match === null ? null : URL.parse(`http://${match[1]}/`);
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  if (url === null || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new Error(`OUTBOUND_ALLOW: "${entry}" is not a host, host:port, address or CIDR range.`);
  }
  return { kind: 'host', host: hostOf(url), port };
}

/** A URL's host without brackets and without the dot that may end a name. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');

export const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80));

/** Whether a name or address literal, with this port, is on the list as it is written. */
export function hostAllowed(allow: readonly Allowed[], host: string, port: number): boolean {
  return allow.some((entry) =>
    entry.kind === 'host' ? entry.host === host && (entry.port ?? port) === port : inRange(entry.range, host),
  );
}

function inRange(range: [ipaddr.IPv4 | ipaddr.IPv6, number], address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  return parsed.kind() === range[0].kind() && parsed.match(range);
}
