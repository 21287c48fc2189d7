import { hash } from 'node:crypto';
import pg from 'pg';
import { compile } from './build.ts';
import type { Query } from './queries.ts';

const INT8 = 20;
const INT8_ARRAY = 1016;

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is larger than a JavaScript number can hold exactly`);
  return value;
}

const parsers = new pg.TypeOverrides();
parsers.setTypeParser(INT8, safeInteger);
/** One dimension, which is all we use: `{1,2,NULL}`. */
parsers.setTypeParser(INT8_ARRAY, (text: string) =>
  text === '{}'
    ? []
    : text
        .slice(1, -1)
        .split(',')
        .map((item) => (item === 'NULL' ? null : safeInteger(item))),
);

export type ConnectOptions = {
  /** Seen in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Runs as this role instead of as the user of the address. */
  readonly role?: string;
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
};

/**
 * A connection's settings for `pg`. Session settings travel in the startup packet, so they cost no round trip;
 * `client_connection_check_interval` lets the server notice within 2 s that a killed client is gone.
 */
export function connectionConfig(url: string, options: ConnectOptions): pg.ClientConfig {
  const address = new URL(url);
  const settings = [address.searchParams.get('options') ?? ''];
  const set = (name: string, value: string | number | undefined) => {
    if (value !== undefined) settings.push(`-c ${name}=${value}`);
  };
  set('role', options.role);
  set('statement_timeout', options.statementTimeoutMs);
  set('lock_timeout', options.lockTimeoutMs);
  set('timezone', 'UTC');
  set('client_connection_check_interval', process.platform === 'linux' ? 2000 : undefined);
  address.searchParams.set('options', settings.join(' ').trim());
  // As psql understands it: without this word pg takes `require` for `verify-full`, and warns that it will not.
  if (address.searchParams.has('sslmode')) address.searchParams.set('uselibpqcompat', 'true');
  // The machine's own authorities, which is what pg does without the word.
  if (address.searchParams.get('sslrootcert') === 'system') address.searchParams.delete('sslrootcert');
  return {
    connectionString: address.href,
    application_name: options.applicationName,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    types: parsers,
  };
}

/** One connection of its own, for what a pool cannot do (session locks, migrations). The caller ends it. */
export async function connect(url: string, options: ConnectOptions): Promise<pg.Client> {
  const client = new pg.Client(connectionConfig(url, options));
  // Without a listener a broken connection would end the process; every statement on it fails by itself.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** The part of pg 8's client that its types do not name. */
type WithStream = { readonly connection: { readonly stream: { cork(): void; uncork(): void } } };

/**
 * What is asked of a connection in one turn of the event loop leaves in one system call. Each of them costs more than
 * all that is made of a statement before it: they were a sixth of the time of a server with 1,000 running discussions.
 */
export function gatherWrites(client: pg.ClientBase): void {
  const { stream } = (client as unknown as WithStream).connection;
  const query = client.query as (...args: unknown[]) => unknown;
  let corked = false;
  const flush = () => {
    corked = false;
    stream.uncork();
  };
  const gathered = (...args: unknown[]) => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(flush);
    }
    return query.apply(client, args);
  };
  client.query = gathered as typeof client.query;
}

/** Names of prepared statements. Texts do not vary with data, so the map stays small; full, it starts anew. */
const names = new Map<string, string>();
const MAX_NAMES = 5000;

/** A statement as `pg` runs it named and prepared: the name is a digest of the text. */
export function prepared(query: Query<unknown>): { name: string; text: string; values: unknown[] } {
  const { text, values } = compile(query);
  let name = names.get(text);
  if (name === undefined) {
    if (names.size >= MAX_NAMES) names.clear();
    name = `p_${hash('sha256', text, 'hex').slice(0, 32)}`;
    names.set(text, name);
  }
  return { name, text, values };
}
