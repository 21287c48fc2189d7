import { sql } from 'kysely';
import type { SystemReader, SystemTx } from '../../../platform/db/queries.ts';

export type KeyRow = { id: string; sealed: string; created_at: Date; active_from: Date };

export const listKeys = (db: SystemReader | SystemTx) =>
  db.all<KeyRow>(sql`select id, sealed, created_at, active_from from signing_keys order by active_from, id`);

/** Two processes must not both make the next key. */
export const lockKeys = (tx: SystemTx) =>
  tx.run(sql`select pg_advisory_xact_lock(hashtextextended('signing_keys', 0))`);

export const insertKey = (tx: SystemTx, key: KeyRow) =>
  tx.run(sql`
    insert into signing_keys (id, sealed, created_at, active_from)
    values (${key.id}, ${key.sealed}, ${key.created_at}, ${key.active_from})`);
