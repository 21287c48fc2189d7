import { readFileSync } from 'node:fs';
import type { RedisOptions } from 'ioredis';

/**
 * `redis[s]://[user:password@]host[:port][/database][?sslrootcert=FILE]`. `rediss:` verifies the server's certificate and
 * its name, by the machine's authorities or by those of the file.
 */
export function redisOptions(text: string): RedisOptions {
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(text);
  const host = hostname.replace(/^\[|\]$/g, '');
  const authorities = searchParams.get('sslrootcert');
  const database = Number(pathname.slice(1));
  return {
    host,
    port: port === '' ? 6379 : Number(port),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(database > 0 && { db: database }),
    ...(protocol === 'rediss:' && { tls: tls(host, authorities) }),
  };
}

function tls(host: string, authorities: string | null): NonNullable<RedisOptions['tls']> {
  return {
    // A certificate for an address is found by the address itself; as a name it must not be sent.
    ...(!/^[\d.]+$|:/.test(host) && { servername: host }),
    ...(authorities !== null && authorities !== 'system' && { ca: readFileSync(authorities) }),
  };
}
