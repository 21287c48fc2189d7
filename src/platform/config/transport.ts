const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;

/** Whether what is sent there stays on this machine; empty or a path is a socket of the file system. */
const isLocal = (host: string): boolean => host === '' || host.startsWith('/') || LOOPBACK.test(host);

/** libpq's words. `allow` and `prefer` are missing: they encrypt when it happens to work. */
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'];
const ENCRYPTED = new Set(SSL_MODES.slice(1));

/** What is wrong with a PostgreSQL address, beyond its scheme. The text may hold a secret, so it is not repeated. */
export function faultOfDatabaseUrl(text: string): string | undefined {
  const { searchParams } = new URL(text);
  const mode = searchParams.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode))
    return `DATABASE_URL's sslmode must be one of ${SSL_MODES.join(', ')}, not "${mode}".`;
  if (mode === 'verify-ca' && !searchParams.has('sslrootcert'))
    return "DATABASE_URL's sslmode verify-ca needs sslrootcert, the file of the authority; or take verify-full.";
  return undefined;
}

/** The same of Redis. */
export function faultOfRedisUrl(text: string): string | undefined {
  const { hostname, pathname, searchParams } = new URL(text);
  if (hostname === '') return 'REDIS_URL names no host.';
  if (!/^(\/\d{0,5})?$/.test(pathname)) return 'REDIS_URL may end with the number of a database, such as /0, only.';
  const unknown = [...searchParams.keys()].find((name) => name !== 'sslrootcert');
  return unknown && `REDIS_URL has the parameter "${unknown}"; the only one that it takes is sslrootcert.`;
}

/** Whether passwords and data would travel to another machine for everybody between to read. */
export function isPlaintext(text: string): boolean {
  const { protocol, hostname, searchParams } = new URL(text);
  if (protocol === 'rediss:' || protocol === 'https:') return false;
  if (isLocal(searchParams.get('host') ?? hostname)) return false;
  return protocol === 'redis:' || protocol === 'http:' || !ENCRYPTED.has(searchParams.get('sslmode') ?? '');
}

/** Files of certificates that an address names. */
export const certificatesOf = (text: string): string[] =>
  ['sslrootcert', 'sslcert', 'sslkey'].flatMap((name) => {
    const file = new URL(text).searchParams.get(name);
    return file === null || file === 'system' ? [] : [file];
  });
