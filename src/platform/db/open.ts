import pg from 'pg';
import { connectionConfig, gatherWrites } from './connection.ts';
import type { Db } from './queries.ts';
import { borrow, createReader, createSystemReader } from './reader.ts';
import { APP_ROLE, SYSTEM_ROLE } from './roles.ts';
import { PING, SCOPE } from './sql.ts';
import { inSystemTx, inTx, type WriteOutbox } from './tx.ts';

export type OpenDb = Db & {
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
  /** Connections of each pool now, and callers that wait for one. */
  pools(): readonly { readonly role: string; readonly busy: number; readonly idle: number; readonly waiting: number }[];
  /** Ends the pools; statements that run are waited for. May be called twice. */
  close(): Promise<void>;
};

export type DbOptions = {
  /** `postgresql://…`; the user is the owner of the tables. */
  readonly url: string;
  readonly writeOutbox: WriteOutbox;
  /** Connections at most. Beyond them a caller waits 5 s, then gets `overloaded`. Default 12 and 6. */
  readonly poolSize?: { readonly app: number; readonly system: number };
};

const IDLE_TIMEOUT_MS = 30_000;

function openPool(url: string, role: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    ...connectionConfig(url, { applicationName: `parley ${role}`, role, statementTimeoutMs: 15_000 }),
    max,
    // Statements are sent without waiting for the answers of those before: what a transaction asks at once travels at once.
    pipeline: true,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    idle_in_transaction_session_timeout: 60_000,
    onConnect: async (client) => {
      await client.query({ name: SCOPE.name, text: SCOPE.text, values: [''] });
    },
  });
  // A connection that breaks tells its own statement; the pool replaces it. Unheard, the event would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    client.on('error', () => {});
    gatherWrites(client);
  });
  return pool;
}

/** Opens the two pools: one bound by row-level security to a tenant at a time, one of the system. */
export function openDb({ url, writeOutbox, poolSize = { app: 12, system: 6 } }: DbOptions): OpenDb {
  const app = openPool(url, APP_ROLE, poolSize.app);
  const system = openPool(url, SYSTEM_ROLE, poolSize.system);
  let closing: Promise<void> | undefined;
  return {
    reader: (ctx) => createReader(app, ctx),
    inTx: (ctx, fn) => inTx(app, writeOutbox, ctx, fn),
    system: createSystemReader(system),
    inSystemTx: (fn) => inSystemTx(system, writeOutbox, fn),
    ping: () => borrow(system, async (client) => void (await client.query(PING))),
    pools: () =>
      [
        { role: APP_ROLE, pool: app },
        { role: SYSTEM_ROLE, pool: system },
      ].map(({ role, pool: { totalCount, idleCount, waitingCount } }) => ({
        role,
        busy: totalCount - idleCount,
        idle: idleCount,
        waiting: waitingCount,
      })),
    close: () => (closing ??= Promise.all([app.end(), system.end()]).then(() => {})),
  };
}
