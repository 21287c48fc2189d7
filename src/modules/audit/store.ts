import { sql } from 'kysely';
import type { Queries, SystemReader, Tx } from '../../platform/db/queries.ts';

export type RecordRow = {
  seq: number;
  event_id: string;
  type: string;
  time: Date;
  actor_kind: string | null;
  actor_id: string | null;
  subject: string;
  data: Record<string, unknown>;
  previous_hash: Buffer;
  hash: Buffer;
};

const columns = sql`seq, event_id, type, time, actor_kind, actor_id, subject, data, previous_hash, hash`;

/** Whoever adds to a tenant's chain waits for the one before: a statement of its own, so that the next one sees it. */
export const lockChain = (tx: Tx) =>
  tx.run(sql`select pg_advisory_xact_lock(hashtextextended(${`audit/${tx.ctx.tenantId}`}, 0))`);

export const findHead = (db: Queries, tenantId: string) =>
  db.first<{ seq: number; hash: Buffer }>(sql`
    select seq, hash from audit_records where tenant_id = ${tenantId} order by seq desc limit 1`);

export const insertRecord = (tx: Tx, row: RecordRow & { tenantId: string }) =>
  tx.run(sql`
    insert into audit_records (tenant_id, seq, event_id, type, time, actor_kind, actor_id, subject, data, previous_hash, hash)
    values (${row.tenantId}, ${row.seq}, ${row.event_id}, ${row.type}, ${row.time}, ${row.actor_kind}, ${row.actor_id},
            ${row.subject}, ${JSON.stringify(row.data)}::jsonb, ${row.previous_hash}, ${row.hash})`);

export const hasEvent = async (db: Queries, tenantId: string, eventId: string): Promise<boolean> =>
  (await db.first(sql`select 1 from audit_records where tenant_id = ${tenantId} and event_id = ${eventId}`)) !==
  undefined;

export type Filter = {
  readonly type?: string | undefined;
  readonly actorId?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
};

/** Records before `beforeSeq`, the newest first. */
export const listRecords = (db: Queries, tenantId: string, query: Filter & { beforeSeq: number; limit: number }) =>
  db.all<RecordRow>(sql`
    select ${columns} from audit_records
    where tenant_id = ${tenantId} and seq < ${query.beforeSeq}
      and (${query.type ?? null}::text is null or type = ${query.type ?? null}::text)
      and (${query.actorId ?? null}::text is null or actor_id = ${query.actorId ?? null}::text)
      and (${query.since ?? null}::timestamptz is null or time >= ${query.since ?? null}::timestamptz)
      and (${query.until ?? null}::timestamptz is null or time < ${query.until ?? null}::timestamptz)
    order by seq desc limit ${query.limit}`);

/** Records after `afterSeq`, the oldest first: for walking the chain. */
export const listChain = (db: Queries, tenantId: string, afterSeq: number, limit: number) =>
  db.all<RecordRow>(sql`
    select ${columns} from audit_records where tenant_id = ${tenantId} and seq > ${afterSeq} order by seq limit ${limit}`);

export const listCheckpoints = (db: Queries, tenantId: string, afterSeq: number, limit: number) =>
  db.all<{ seq: number; statement: string }>(sql`
    select seq, statement from audit_checkpoints where tenant_id = ${tenantId} and seq > ${afterSeq} order by seq limit ${limit}`);

export const insertCheckpoint = (
  tx: Tx,
  row: { tenantId: string; seq: number; hash: Buffer; statement: string; now: Date },
) =>
  tx.run(sql`
    insert into audit_checkpoints (tenant_id, seq, hash, statement, created_at)
    values (${row.tenantId}, ${row.seq}, ${row.hash}, ${row.statement}, ${row.now})
    on conflict (tenant_id, seq) do nothing`);

/** Tenants whose chain has grown since its last checkpoint. */
export const listUnchecked = (db: SystemReader, afterTenantId: string, limit: number) =>
  db.all<{ tenant_id: string; seq: number; hash: Buffer }>(sql`
    select t.id as tenant_id, head.seq, head.hash
    from tenants t
    cross join lateral (select seq, hash from audit_records r where r.tenant_id = t.id order by seq desc limit 1) head
    where t.id > ${afterTenantId}
      and not exists (select from audit_checkpoints c where c.tenant_id = t.id and c.seq = head.seq)
    order by t.id limit ${limit}`);
