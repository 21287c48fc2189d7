import { sql } from 'kysely';
import type { Queries, SystemReader, SystemTx } from '../../../platform/db/queries.ts';

type System = SystemReader | SystemTx;

export type SessionRow = {
  id: string;
  user_id: string;
  sealed_seed: string;
  generation: number;
  rotations: number[];
  ip: string | null;
  user_agent: string | null;
  created_at: Date;
  last_used_at: Date;
  expires_at: Date;
  ends_at: Date;
  revoked_at: Date | null;
};

const columns = sql`id, user_id, sealed_seed, generation, rotations, ip, user_agent, created_at, last_used_at, expires_at,
  ends_at, revoked_at`;

export const insertSession = (
  tx: SystemTx,
  row: Pick<
    SessionRow,
    'id' | 'user_id' | 'sealed_seed' | 'ip' | 'user_agent' | 'created_at' | 'expires_at' | 'ends_at'
  > & {
    tenantId: string;
  },
) =>
  tx.run(sql`
    insert into sessions (tenant_id, id, user_id, sealed_seed, ip, user_agent, created_at, last_used_at, expires_at, ends_at)
    values (${row.tenantId}, ${row.id}, ${row.user_id}, ${row.sealed_seed}, ${row.ip}, ${row.user_agent},
            ${row.created_at}, ${row.created_at}, ${row.expires_at}, ${row.ends_at})`);

export const findSession = (db: System, tenantId: string, id: string) =>
  db.first<SessionRow>(sql`select ${columns} from sessions where tenant_id = ${tenantId} and id = ${id}`);

/** The family, locked: of two refreshes at once the second sees what the first made of it. */
export const lockSession = (tx: SystemTx, tenantId: string, id: string) =>
  tx.first<SessionRow>(sql`select ${columns} from sessions where tenant_id = ${tenantId} and id = ${id} for update`);

export const rotateSession = (
  tx: SystemTx,
  row: { tenantId: string; id: string; rotations: readonly number[]; now: Date; expiresAt: Date },
) =>
  tx.run(sql`
    update sessions set generation = generation + 1, rotations = ${JSON.stringify(row.rotations)}::jsonb,
                        last_used_at = ${row.now}, expires_at = ${row.expiresAt}
    where tenant_id = ${row.tenantId} and id = ${row.id}`);

export const listSessions = (db: Queries, tenantId: string, userId: string, now: Date) =>
  db.all<SessionRow>(sql`
    select ${columns} from sessions
    where tenant_id = ${tenantId} and user_id = ${userId} and revoked_at is null and expires_at > ${now} and ends_at > ${now}
    order by last_used_at desc, id desc limit 100`);

export type Ended = { tenant_id: string; id: string; user_id: string };

/** Ends one live session; undefined when there is none to end. */
export const revokeSession = (
  tx: Queries,
  row: { tenantId: string; id: string; userId: string; reason: string; now: Date },
) =>
  tx.first<Ended>(sql`
    update sessions set revoked_at = ${row.now}, revoke_reason = ${row.reason}
    where tenant_id = ${row.tenantId} and id = ${row.id} and user_id = ${row.userId} and revoked_at is null
    returning tenant_id, id, user_id`);

/** Ends a member's live sessions in one tenant. */
export const revokeMemberSessions = (
  tx: Queries,
  row: { tenantId: string; userId: string; reason: string; now: Date },
) =>
  tx.all<Ended>(sql`
    update sessions set revoked_at = ${row.now}, revoke_reason = ${row.reason}
    where tenant_id = ${row.tenantId} and user_id = ${row.userId} and revoked_at is null
    returning tenant_id, id, user_id`);

/** Ends a user's live sessions in every tenant but for one. */
export const revokeUserSessions = (tx: SystemTx, row: { userId: string; except: string; reason: string; now: Date }) =>
  tx.all<Ended>(sql`
    update sessions s set revoked_at = ${row.now}, revoke_reason = ${row.reason}
    from memberships m
    where m.user_id = ${row.userId} and s.tenant_id = m.tenant_id and s.user_id = m.user_id
      and s.id <> ${row.except} and s.revoked_at is null
    returning s.tenant_id, s.id, s.user_id`);

/** Ends the sessions of a member beyond the `keep` used last. */
export const revokeSurplusSessions = (
  tx: SystemTx,
  row: { tenantId: string; userId: string; keep: number; reason: string; now: Date },
) =>
  tx.all<Ended>(sql`
    update sessions set revoked_at = ${row.now}, revoke_reason = ${row.reason}
    where (tenant_id, id) in (
      select tenant_id, id from sessions
      where tenant_id = ${row.tenantId} and user_id = ${row.userId} and revoked_at is null
      order by last_used_at desc, id desc offset ${row.keep})
    returning tenant_id, id, user_id`);

/** Rows of sessions that ended a while ago, a batch a time. */
export const deleteDeadSessions = (tx: SystemTx, before: Date) =>
  tx.run(sql`
    delete from sessions where (tenant_id, id) in (
      select tenant_id, id from sessions where expires_at < ${before} limit 500)`);
