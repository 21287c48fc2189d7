import { sql } from 'kysely';
import type { Queries } from '../db/queries.ts';

/** Data keys at rest: one line a version, sealed by the master key. The newest seals, all of them open. */
export type KeyRow = { version: number; sealed: string };

export const tenantKeys = (db: Queries, tenantId: string) =>
  db.all(sql<KeyRow>`select version, sealed from tenant_keys where tenant_id = ${tenantId} order by version`);

/** Two processes may make a tenant's first key at once: one wins, and both read it afterwards. */
export const addTenantKey = (db: Queries, tenantId: string, { version, sealed }: KeyRow) =>
  db.run(
    sql`insert into tenant_keys (tenant_id, version, sealed) values (${tenantId}, ${version}, ${sealed}) on conflict do nothing`,
  );

export const systemKeys = (db: Queries) =>
  db.all(sql<KeyRow>`select version, sealed from system_keys order by version`);

export const addSystemKey = (db: Queries, { version, sealed }: KeyRow) =>
  db.run(sql`insert into system_keys (version, sealed) values (${version}, ${sealed}) on conflict do nothing`);
