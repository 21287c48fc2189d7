import { sql } from 'kysely';
import type { Queries, SystemTx, Tx } from '../../../platform/db/queries.ts';
import type { EventRow } from '../../../platform/events/registry.ts';
import { shardOf } from '../../../platform/events/shards.ts';
import type { Delivery } from './schemas.ts';

type Scope = Queries & { readonly ctx: { readonly tenantId: string } };

export type AttemptRow = {
  readonly number: number;
  readonly at: string;
  readonly status: number | null;
  readonly latency_ms: number;
  readonly error: string | null;
  readonly response: string | null;
};

export type DeliveryRow = {
  id: string;
  webhook_id: string;
  kind: Delivery['kind'];
  event_id: string;
  type: string;
  stream: string;
  log_cursor: string | null;
  body: string;
  status: Delivery['status'];
  attempt_count: number;
  failures: number;
  next_attempt_at: Date | null;
  created_at: Date;
  completed_at: Date | null;
};

const COLUMNS = sql.raw(`id, webhook_id, kind, event_id, type, stream, log_cursor, status, attempt_count, failures,
  next_attempt_at, created_at, completed_at`);

export type NewDelivery = Pick<
  DeliveryRow,
  'id' | 'webhook_id' | 'kind' | 'event_id' | 'type' | 'stream' | 'log_cursor'
> & {
  readonly batch_id: string;
  readonly body: string;
};

/** Those of them that were not there before, in no order. */
export function insertDeliveries(tx: Tx, rows: readonly NewDelivery[]): Promise<{ id: string }[]> {
  const column = <K extends keyof NewDelivery>(key: K): NewDelivery[K][] => rows.map((row) => row[key]);
  return tx.all<{ id: string }>(sql`
    insert into webhook_deliveries (tenant_id, id, webhook_id, kind, event_id, batch_id, type, stream, log_cursor, body,
                                    next_attempt_at)
    select ${tx.ctx.tenantId}::uuid, id, webhook_id, kind, event_id, batch_id, type, stream, log_cursor, body, now()
      from unnest(${column('id')}::uuid[], ${column('webhook_id')}::uuid[], ${column('kind')}::text[],
                  ${column('event_id')}::uuid[], ${column('batch_id')}::uuid[], ${column('type')}::text[],
                  ${column('stream')}::text[], ${column('log_cursor')}::text[], ${column('body')}::text[])
           as d (id, webhook_id, kind, event_id, batch_id, type, stream, log_cursor, body)
    on conflict (tenant_id, webhook_id, event_id, batch_id) do nothing
    returning id`);
}

/** With its body, for whoever sends it. */
export const findDelivery = (from: Scope, id: string) =>
  from.first<DeliveryRow>(sql`
    select ${COLUMNS}, body from webhook_deliveries where tenant_id = ${from.ctx.tenantId} and id = ${id}`);

export const lockDelivery = (tx: Tx, id: string) =>
  tx.first<DeliveryRow>(sql`
    select ${COLUMNS}, body from webhook_deliveries where tenant_id = ${tx.ctx.tenantId} and id = ${id} for update`);

type State = Pick<DeliveryRow, 'status' | 'failures' | 'next_attempt_at'>;

/** What an attempt made of it: counted, and its state set. */
export const endAttempt = (tx: Tx, id: string, { status, failures, next_attempt_at }: State) =>
  tx.first<{ attempt_count: number }>(sql`
    update webhook_deliveries
       set status = ${status}, failures = ${failures}, next_attempt_at = ${next_attempt_at}::timestamptz,
           attempt_count = attempt_count + 1, completed_at = case when ${status} = 'pending' then null else now() end
     where tenant_id = ${tx.ctx.tenantId} and id = ${id}
    returning attempt_count`);

export const insertAttempt = (tx: Tx, deliveryId: string, attempt: AttemptRow) =>
  tx.run(sql`
    insert into webhook_attempts (tenant_id, delivery_id, number, at, status, latency_ms, error, response)
    values (${tx.ctx.tenantId}, ${deliveryId}, ${attempt.number}, ${attempt.at}::timestamptz, ${attempt.status},
            ${attempt.latency_ms}, ${attempt.error}, ${attempt.response})`);

/** Put off without an attempt. */
export const postpone = (tx: Tx, id: string, until: Date) =>
  tx.run(sql`
    update webhook_deliveries set next_attempt_at = ${until}
     where tenant_id = ${tx.ctx.tenantId} and id = ${id} and status = 'pending'`);

/** It will not be tried again by itself. */
export const end = (tx: Tx, id: string, status: 'failed' | 'cancelled') =>
  tx.run(sql`
    update webhook_deliveries set status = ${status}, next_attempt_at = null, completed_at = now()
     where tenant_id = ${tx.ctx.tenantId} and id = ${id} and status = 'pending'`);

/** Once more, from the start of the schedule. */
export const revive = (tx: Tx, id: string) =>
  tx.run(sql`
    update webhook_deliveries set status = 'pending', failures = 0, next_attempt_at = now(), completed_at = null
     where tenant_id = ${tx.ctx.tenantId} and id = ${id}`);

/** What waits for a webhook that was turned off. Tests go on: they are asked for by hand. */
export const cancelPending = (tx: Tx, webhookId: string) =>
  tx.run(sql`
    update webhook_deliveries set status = 'cancelled', next_attempt_at = null, completed_at = now()
     where tenant_id = ${tx.ctx.tenantId} and webhook_id = ${webhookId} and status = 'pending' and kind <> 'test'`);

/** How many wait for a webhook, counted up to a limit. */
export const countPending = (from: Scope, webhookId: string, limit: number) =>
  from.first<{ waiting: number }>(sql`
    select count(*) as waiting from (
      select from webhook_deliveries
       where tenant_id = ${from.ctx.tenantId} and webhook_id = ${webhookId} and status = 'pending' limit ${limit}::int) as w`);

export type ListQuery = {
  readonly webhookId: string;
  readonly status?: string | undefined;
  readonly type?: string | undefined;
  /** Types that the caller may not see. */
  readonly except: readonly string[];
  readonly before: string | undefined;
  readonly limit: number;
};

export type ListedRow = Omit<DeliveryRow, 'body'> & { readonly attempts: AttemptRow[] };

const attemptsOf = (shown: number) => sql`
  coalesce((select jsonb_agg(jsonb_build_object('number', a.number, 'at', a.at, 'status', a.status,
                     'latency_ms', a.latency_ms, 'error', a.error, 'response', a.response) order by a.number)
              from (select * from webhook_attempts
                     where tenant_id = d.tenant_id and delivery_id = d.id
                     order by number desc limit ${shown}::int) as a), '[]'::jsonb) as attempts`;

/** The newest first. */
export const listDeliveries = (
  from: Scope,
  { webhookId, status, type, except, before, limit }: ListQuery,
  shown: number,
) =>
  from.all<ListedRow>(sql`
    select ${COLUMNS}, ${attemptsOf(shown)} from webhook_deliveries d
     where tenant_id = ${from.ctx.tenantId} and webhook_id = ${webhookId}
       and (${before ?? null}::uuid is null or id < ${before ?? null}::uuid)
       and (${status ?? null}::text is null or status = ${status ?? null})
       and (${type ?? null}::text is null or type = ${type ?? null}) and type <> all(${[...except]}::text[])
     order by id desc limit ${limit}::int`);

export const getDelivery = (from: Scope, webhookId: string, id: string, shown: number) =>
  from.first<ListedRow & { body: string }>(sql`
    select ${COLUMNS}, body, ${attemptsOf(shown)} from webhook_deliveries d
     where tenant_id = ${from.ctx.tenantId} and webhook_id = ${webhookId} and id = ${id}`);

/** A page of the tenant's log, in order. */
export const readLog = (from: Scope, { after, upTo, limit }: { after: number; upTo: number; limit: number }) =>
  from.all<EventRow>(sql`
    select shard, position, tenant_id, id, type, dataversion, stream, subject, data, time, traceparent from events
     where shard = ${shardOf(from.ctx.tenantId)} and tenant_id = ${from.ctx.tenantId}
       and position > ${after} and position <= ${upTo}
     order by position limit ${limit}::int`);

/** Those that have ended and are older than the log, of every tenant; answers how many went. */
export const pruneDeliveries = (tx: SystemTx, days: number, limit: number) =>
  tx.run(sql`
    delete from webhook_deliveries
     where (tenant_id, id) in (
           select tenant_id, id from webhook_deliveries
            where created_at < now() - ${days}::int * interval '1 day' and status <> 'pending'
            order by created_at limit ${limit}::int)`);
