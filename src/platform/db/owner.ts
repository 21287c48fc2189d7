import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { connect } from './connection.ts';
import { OWNER, OWNER_LOCK } from './sql.ts';

/** Who holds a database, as far as its server knows. */
export type Holder = { readonly host: string; readonly pid: string; readonly since: Date };

/** Another process serves this database. */
export class DatabaseHeld extends Error {
  readonly holder: Holder | undefined;
  constructor(holder: Holder | undefined) {
    const who = holder
      ? `process ${holder.pid} on ${holder.host} holds it since ${holder.since.toISOString()}`
      : 'another process holds it';
    super(
      `This database is being served already: ${who}. Stop that one first, or give this one a DATA_DIR of its own. (Several processes serve one database where all of them have its DATABASE_URL and the same REDIS_URL.)`,
    );
    this.holder = holder;
  }
}

/** The lock of a process that was killed is free as soon as its socket is closed: some milliseconds. */
const PATIENCE_MS = 1000;
const PREFIX = 'parley owner';

/**
 * Takes the database for this process alone; `shared`, for all those that share it. The lock lives as long as the returned connection, so it can neither be
 * forgotten by a crash nor outlive one. Throws `DatabaseHeld` when somebody else has it.
 */
export async function takeOwnership(url: string, { shared = false } = {}): Promise<pg.Client> {
  // 63 characters at most are kept of an application name; a host's name may have more.
  const client = await connect(url, { applicationName: `${PREFIX} ${process.pid} ${hostname().slice(0, 40)}` });
  try {
    for (const deadline = Date.now() + PATIENCE_MS; ; ) {
      const { rows } = await client.query<{ taken: boolean }>(shared ? OWNER.tryLockShared : OWNER.tryLock, [
        OWNER_LOCK,
      ]);
      if (rows[0]?.taken) return client;
      if (Date.now() > deadline) throw new DatabaseHeld(await holderOf(client));
      await delay(50);
    }
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Who owns the database now; of another user's session the server may not tell. */
export async function holderOf(client: pg.Client): Promise<Holder | undefined> {
  const { rows } = await client.query<{ name: string; since: Date }>(OWNER.holder, [OWNER_LOCK]);
  const [pid, host] = rows[0]?.name.slice(PREFIX.length + 1).split(' ') ?? [];
  return rows[0] && pid && host ? { pid, host, since: rows[0].since } : undefined;
}
