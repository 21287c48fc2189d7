import { sql } from 'kysely';
import type { Queries, SystemTx, Tx } from '../../platform/db/queries.ts';

type Scope = Queries & { readonly ctx: { readonly tenantId: string } };

export type DisabledReason = 'manual' | 'gone' | 'failing' | 'backlog';

/** How far a replay is. Positions are of `epoch`. */
export type ReplayState = {
  readonly id: string;
  readonly status: 'running' | 'completed' | 'cancelled';
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly position: number;
  readonly enqueued: number;
  readonly trimmed: boolean;
  readonly started_at: string;
};

export type WebhookRow = {
  id: string;
  url: string;
  description: string | null;
  types: string[] | null;
  enabled: boolean;
  disabled_reason: DisabledReason | null;
  disabled_at: Date | null;
  enabled_at: Date | null;
  failing_since: Date | null;
  secret_sealed: string;
  previous_sealed: string | null;
  previous_until: Date | null;
  replay: ReplayState | null;
  version: number;
  created_at: Date;
  updated_at: Date;
};

const COLUMNS = sql.raw(`id, url, description, types, enabled, disabled_reason, disabled_at, enabled_at, failing_since,
  secret_sealed, previous_sealed, previous_until, replay, version, created_at, updated_at`);

type NewWebhook = Pick<WebhookRow, 'id' | 'url' | 'description' | 'types' | 'enabled' | 'secret_sealed'>;

export async function insertWebhook(tx: Tx, row: NewWebhook): Promise<WebhookRow> {
  const { id, url, description, types, enabled, secret_sealed } = row;
  const made = await tx.first<WebhookRow>(sql`
    insert into webhooks (tenant_id, id, url, description, types, enabled, disabled_reason, disabled_at, enabled_at,
                          secret_sealed)
    values (${tx.ctx.tenantId}, ${id}, ${url}, ${description}, ${types}::text[], ${enabled}::boolean,
            case when ${enabled}::boolean then null else 'manual' end,
            case when ${enabled}::boolean then null else now() end,
            case when ${enabled}::boolean then now() end, ${secret_sealed})
    returning ${COLUMNS}`);
  return made as WebhookRow;
}

/** Of two that are made at once, the second waits, so that neither passes the limit. */
export const lockList = (tx: Tx) =>
  tx.run(sql`select pg_advisory_xact_lock(hashtext('webhooks'), hashtext(${tx.ctx.tenantId}))`);

export const countWebhooks = (from: Scope) =>
  from.first<{ total: number }>(sql`select count(*) as total from webhooks where tenant_id = ${from.ctx.tenantId}`);

export const listWebhooks = (from: Scope, { limit, offset }: { limit: number; offset: number }) =>
  from.all<WebhookRow & { total: number }>(sql`
    select ${COLUMNS}, count(*) over () as total from webhooks where tenant_id = ${from.ctx.tenantId}
     order by id desc limit ${limit}::int offset ${offset}::int`);

export const findWebhook = (from: Scope, id: string) =>
  from.first<WebhookRow>(sql`
    select ${COLUMNS} from webhooks where tenant_id = ${from.ctx.tenantId} and id = ${id}`);

/** Deliveries may be entered meanwhile: they only need that it is there. */
export const lockWebhook = (tx: Tx, id: string) =>
  tx.first<WebhookRow>(sql`
    select ${COLUMNS} from webhooks where tenant_id = ${tx.ctx.tenantId} and id = ${id} for no key update`);

export async function updateWebhook(
  tx: Tx,
  id: string,
  { url, description, types }: Pick<WebhookRow, 'url' | 'description' | 'types'>,
): Promise<WebhookRow> {
  const row = await tx.first<WebhookRow>(sql`
    update webhooks set url = ${url}, description = ${description}, types = ${types}::text[], version = version + 1,
                        updated_at = now()
     where tenant_id = ${tx.ctx.tenantId} and id = ${id}
    returning ${COLUMNS}`);
  return row as WebhookRow;
}

/** Turns it on, with a clean record. */
export async function enableWebhook(tx: Tx, id: string): Promise<WebhookRow> {
  const row = await tx.first<WebhookRow>(sql`
    update webhooks set enabled = true, disabled_reason = null, disabled_at = null, enabled_at = now(),
                        failing_since = null, version = version + 1, updated_at = now()
     where tenant_id = ${tx.ctx.tenantId} and id = ${id}
    returning ${COLUMNS}`);
  return row as WebhookRow;
}

/** Undefined when it is off already. */
export const disableWebhook = (tx: Tx, id: string, reason: DisabledReason) =>
  tx.first<WebhookRow>(sql`
    update webhooks
       set enabled = false, disabled_reason = ${reason}, disabled_at = now(), version = version + 1, updated_at = now(),
           replay = case when replay ->> 'status' = 'running'
                         then jsonb_set(replay, '{status}', '"cancelled"') else replay end
     where tenant_id = ${tx.ctx.tenantId} and id = ${id} and enabled
    returning ${COLUMNS}`);

export async function replaceSecret(
  tx: Tx,
  id: string,
  { secret, previous, keepHours }: { secret: string; previous: string | null; keepHours: number },
): Promise<WebhookRow> {
  const row = await tx.first<WebhookRow>(sql`
    update webhooks
       set secret_sealed = ${secret}, previous_sealed = ${previous}::text,
           previous_until = case when ${previous}::text is not null then now() + ${keepHours}::int * interval '1 hour' end,
           version = version + 1, updated_at = now()
     where tenant_id = ${tx.ctx.tenantId} and id = ${id}
    returning ${COLUMNS}`);
  return row as WebhookRow;
}

export const setReplay = (tx: Tx, id: string, replay: ReplayState) =>
  tx.run(sql`
    update webhooks set replay = ${JSON.stringify(replay)}::jsonb where tenant_id = ${tx.ctx.tenantId} and id = ${id}`);

export const deleteWebhook = (tx: Tx, id: string) =>
  tx.run(sql`delete from webhooks where tenant_id = ${tx.ctx.tenantId} and id = ${id}`);

/** What the fan-out asks of a tenant. */
export type Listening = Pick<WebhookRow, 'id' | 'types'> & { readonly enabled_at: Date };

export const listening = (tx: Tx) =>
  tx.all<Listening>(sql`
    select id, types, enabled_at from webhooks where tenant_id = ${tx.ctx.tenantId} and enabled order by id`);

/** After an attempt that succeeded. */
export const markWorking = (tx: Tx, id: string) =>
  tx.run(sql`
    update webhooks set failing_since = null
     where tenant_id = ${tx.ctx.tenantId} and id = ${id} and failing_since is not null`);

/** After one that failed; answers since when they do. Nothing once it is off. */
export const markFailing = (tx: Tx, id: string) =>
  tx.first<{ failing_since: Date; now: Date }>(sql`
    with marked as (
      update webhooks set failing_since = now()
       where tenant_id = ${tx.ctx.tenantId} and id = ${id} and enabled and failing_since is null
      returning failing_since)
    select failing_since, now() as now from marked
    union all
    select failing_since, now() from webhooks
     where tenant_id = ${tx.ctx.tenantId} and id = ${id} and enabled and failing_since is not null
     limit 1`);

/** Of every tenant: those for which more waits than anybody will take. */
export const overdrawn = (tx: SystemTx, limit: number) =>
  tx.all<{ tenant_id: string; id: string }>(sql`
    select w.tenant_id, w.id from webhooks w
     where w.enabled and (
           select count(*) from (
             select from webhook_deliveries d
              where d.tenant_id = w.tenant_id and d.webhook_id = w.id and d.status = 'pending'
              limit ${limit + 1}::int) as waiting) > ${limit}::int`);
