import { sql } from 'kysely';
import type { Permission } from '../../platform/auth/permissions.ts';
import type { Confinement } from '../../platform/context.ts';
import type { Queries, SystemReader, SystemTx, Tx } from '../../platform/db/queries.ts';

export type ApiKeyRow = {
  id: string;
  user_id: string;
  name: string;
  prefix: string;
  scopes: Permission[];
  expires_at: Date | null;
  last_used_at: Date | null;
  created_at: Date;
  /** Null: confined to nothing. */
  confined_to: Confinement | null;
  /** The key that made it, with which it dies; null for a member's. */
  made_by: string | null;
};

const columns = sql`id, user_id, name, prefix, scopes, expires_at, last_used_at, created_at, confined_to, made_by`;

export const insertKey = (tx: Tx | SystemTx, row: ApiKeyRow & { tenantId: string; digest: Buffer }) =>
  tx.run(sql`
    insert into api_keys (tenant_id, id, user_id, name, prefix, key_digest, scopes, expires_at, created_at, confined_to,
                          made_by)
    values (${row.tenantId}, ${row.id}, ${row.user_id}, ${row.name}, ${row.prefix}, ${row.digest}, ${row.scopes},
            ${row.expires_at}, ${row.created_at}, ${confinement(row.confined_to)}, ${row.made_by})`);

const confinement = (value: Confinement | null) => sql`${value === null ? null : JSON.stringify(value)}::jsonb`;

export const countLiveKeys = (db: Queries, tenantId: string) =>
  db.first<{ total: number; confined: number }>(sql`
    select count(*) as total, count(confined_to) as confined from api_keys
    where tenant_id = ${tenantId} and revoked_at is null`);

export const listKeys = (db: Queries, tenantId: string, page: { limit: number; offset: number }) =>
  db.all<ApiKeyRow>(sql`
    select ${columns} from api_keys where tenant_id = ${tenantId} and revoked_at is null
    order by created_at desc, id desc limit ${page.limit} offset ${page.offset}`);

export const findKeyByDigest = (db: SystemReader, tenantId: string, digest: Buffer) =>
  db.first<ApiKeyRow>(sql`
    select ${columns} from api_keys where tenant_id = ${tenantId} and key_digest = ${digest} and revoked_at is null`);

export const findKey = (db: Queries, tenantId: string, id: string) =>
  db.first<ApiKeyRow>(sql`
    select ${columns} from api_keys where tenant_id = ${tenantId} and id = ${id} and revoked_at is null`);

/** A key that is good, held so that it cannot be revoked before this transaction ends. */
export const holdKey = (tx: Tx, id: string) =>
  tx.first<ApiKeyRow>(sql`
    select ${columns} from api_keys where tenant_id = ${tx.ctx.tenantId} and id = ${id} and revoked_at is null for share`);

export const listKeyIdsOf = (db: SystemReader, tenantId: string, userId: string) =>
  db.all<{ id: string }>(sql`
    select id from api_keys where tenant_id = ${tenantId} and user_id = ${userId} and revoked_at is null`);

export const revokeKey = (tx: Tx, row: { tenantId: string; id: string; now: Date }) =>
  tx.run(sql`
    update api_keys set revoked_at = ${row.now}
    where tenant_id = ${row.tenantId} and id = ${row.id} and revoked_at is null`);

/** The key that is confined to exactly this, if there is one. */
export const revokeConfinedKey = (tx: Tx, row: { confinedTo: Confinement; now: Date }) =>
  tx.first<{ id: string }>(sql`
    update api_keys set revoked_at = ${row.now}
    where tenant_id = ${tx.ctx.tenantId} and confined_to = ${confinement(row.confinedTo)} and revoked_at is null
    returning id`);

/** The keys that a key made. Those who make one hold it, so none is missed. */
export const revokeKeysMadeBy = (tx: Tx, row: { keyId: string; now: Date }) =>
  tx.all<{ id: string }>(sql`
    update api_keys set revoked_at = ${row.now}
    where tenant_id = ${tx.ctx.tenantId} and made_by = ${row.keyId} and revoked_at is null
    returning id`);

/** The keys that a user had made by then. */
export const revokeKeysOf = (tx: Tx, row: { tenantId: string; userId: string; madeBy: Date; now: Date }) =>
  tx.all<{ id: string }>(sql`
    update api_keys set revoked_at = ${row.now}
    where tenant_id = ${row.tenantId} and user_id = ${row.userId} and created_at <= ${row.madeBy} and revoked_at is null
    returning id`);

/** Several processes use a key; one of them writes it down, once a minute. */
export const touchKey = (tx: SystemTx, row: { tenantId: string; id: string; now: Date; before: Date }) =>
  tx.run(sql`
    update api_keys set last_used_at = ${row.now}
    where tenant_id = ${row.tenantId} and id = ${row.id} and (last_used_at is null or last_used_at < ${row.before})`);

export type TicketRow = {
  actor_kind: 'user' | 'api_key';
  actor_id: string;
  session_id: string | null;
  path: string;
  expires_at: Date;
};

export const insertTicket = (tx: Tx, row: TicketRow & { tenantId: string; digest: Buffer }) =>
  tx.run(sql`
    insert into tickets (tenant_id, ticket_digest, actor_kind, actor_id, session_id, path, expires_at)
    values (${row.tenantId}, ${row.digest}, ${row.actor_kind}, ${row.actor_id}, ${row.session_id}, ${row.path},
            ${row.expires_at})`);

/** Uses a ticket up: of two who bring it, one gets the row. */
export const takeTicket = (tx: SystemTx, tenantId: string, digest: Buffer) =>
  tx.first<TicketRow>(sql`
    delete from tickets where tenant_id = ${tenantId} and ticket_digest = ${digest}
    returning actor_kind, actor_id, session_id, path, expires_at`);

export const deleteStaleTickets = (tx: SystemTx, before: Date) =>
  tx.run(sql`
    delete from tickets where (tenant_id, ticket_digest) in (
      select tenant_id, ticket_digest from tickets where expires_at < ${before} limit 1000)`);

/** Keys that nobody can use any more are forgotten after a while; the audit remembers them. */
export const deleteDeadKeys = (tx: SystemTx, before: Date) =>
  tx.run(sql`
    delete from api_keys where (tenant_id, id) in (
      select tenant_id, id from api_keys
      where revoked_at < ${before} or (confined_to is not null and expires_at < ${before}) limit 500)`);
