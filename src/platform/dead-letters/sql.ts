import { sql } from 'kysely';

export type LetterSource = 'event' | 'job';
export type LetterStatus = 'failed' | 'parked' | 'requeued';

export type LetterRow = {
  readonly id: string;
  readonly source: LetterSource;
  readonly group_name: string;
  readonly stream: string;
  readonly position: number;
  readonly status: LetterStatus;
  readonly type: string;
  readonly body: unknown;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly attempts: number;
  readonly crashes: number;
  readonly traceparent: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
};

const LETTER = sql.raw(`id, source, group_name, stream, position, status, type, body, error_code, error_message,
  attempts, crashes, coalesce(traceparent, case when source = 'event' then body->>'traceparent' end) as traceparent,
  created_at, updated_at`);

export type LetterFilter = {
  readonly ids?: readonly string[] | undefined;
  readonly source?: LetterSource | undefined;
  readonly group?: string | undefined;
  readonly status?: LetterStatus | undefined;
  readonly type?: string | undefined;
  readonly stream?: string | undefined;
  /** When it was left: inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
};

const matches = (tenantId: string, filter: LetterFilter) => {
  const { ids = null, source = null, group = null, status = null, type = null, stream = null } = filter;
  const { from = null, to = null } = filter;
  return sql`
    tenant_id = ${tenantId} and (${ids}::uuid[] is null or id = any(${ids}::uuid[]))
      and (${source}::text is null or source = ${source}) and (${group}::text is null or group_name = ${group})
      and (${status}::text is null or status = ${status}) and (${type}::text is null or type = ${type})
      and (${stream}::text is null or stream = ${stream})
      and (${from}::timestamptz is null or created_at >= ${from}::timestamptz)
      and (${to}::timestamptz is null or created_at < ${to}::timestamptz)`;
};

/** The newest first. */
export const listLetters = (tenantId: string, filter: LetterFilter, before: string | undefined, limit: number) =>
  sql<LetterRow>`
    select ${LETTER} from dead_letters
     where ${matches(tenantId, filter)} and (${before ?? null}::uuid is null or id < ${before ?? null}::uuid)
     order by id desc limit ${limit}`;

export const getLetter = (tenantId: string, id: string) => sql<LetterRow>`
  select ${LETTER} from dead_letters where tenant_id = ${tenantId} and id = ${id}`;

/** The whole queues of the streams that have a match: their order would not survive a part of them. */
export const requeueStreams = (tenantId: string, filter: LetterFilter) => sql`
  update dead_letters set status = 'requeued', attempts = 0, crashes = 0, updated_at = now()
   where tenant_id = ${tenantId} and source = 'event' and status <> 'requeued'
     and (group_name, stream) in (
         select group_name, stream from dead_letters where ${matches(tenantId, filter)} and source = 'event')`;

/**
 * Makes jobs of letters, the oldest first. Of two with one key the second stays where it is, and so does one whose key
 * has an unfinished job: what that one does is something else.
 */
export const reviveJobs = (tenantId: string, filter: LetterFilter, limit: number) => sql<{ kind: string }>`
  with taken as materialized (
         select id, group_name, stream, body, traceparent from dead_letters d
          where ${matches(tenantId, filter)} and source = 'job'
            and not exists (select from jobs j
                             where j.tenant_id = ${tenantId} and j.kind = d.group_name and j.key = d.stream)
          order by id limit ${limit} for update),
       made as (
         insert into jobs (tenant_id, id, kind, key, payload, run_at, traceparent)
         select ${tenantId}, id, group_name, stream, body, clock_timestamp(), traceparent from taken order by id
         on conflict (tenant_id, kind, key) do nothing
         returning id, kind)
  delete from dead_letters d using made where d.tenant_id = ${tenantId} and d.id = made.id
  returning made.kind`;

/** Letters of jobs that could not be requeued: their keys have unfinished jobs. */
export const heldUp = (tenantId: string, filter: LetterFilter) => sql<{ count: number }>`
  select count(*) as count from dead_letters d
   where ${matches(tenantId, filter)} and source = 'job'
     and exists (select from jobs j where j.tenant_id = ${tenantId} and j.kind = d.group_name and j.key = d.stream)`;

export type Discarded = { readonly source: LetterSource; readonly group_name: string; readonly stream: string };

export const deleteLetters = (tenantId: string, filter: LetterFilter, limit: number) => sql<Discarded>`
  delete from dead_letters
   where tenant_id = ${tenantId} and id in (
         select id from dead_letters where ${matches(tenantId, filter)} order by id limit ${limit})
  returning source, group_name, stream`;

/** What waited in these streams may go on, where no failed one is left. */
export const releaseParked = (tenantId: string, streams: readonly { group_name: string; stream: string }[]) => sql`
  update dead_letters d set status = 'requeued'
    from (select distinct group_name, stream
            from unnest(${streams.map((s) => s.group_name)}::text[], ${streams.map((s) => s.stream)}::text[])
                 as s (group_name, stream)) as freed
   where d.tenant_id = ${tenantId} and d.source = 'event' and d.status = 'parked'
     and d.group_name = freed.group_name and d.stream = freed.stream
     and not exists (select from dead_letters f
                      where f.tenant_id = ${tenantId} and f.source = 'event' and f.status = 'failed'
                        and f.group_name = d.group_name and f.stream = d.stream)`;

/** How many there are now, of all tenants. */
export const countLetters = sql<{ source: string; group_name: string; status: string; count: number }>`
  select source, group_name, status, count(*) as count from dead_letters group by source, group_name, status`;

/** Whose letters there are. */
export const tenantsWithLetters = sql<{ tenant_id: string }>`
  select distinct tenant_id from dead_letters order by tenant_id`;
