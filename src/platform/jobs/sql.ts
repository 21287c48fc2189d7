import { sql } from 'kysely';
import { isDead } from '../leases/sql.ts';

export type NewJob = {
  readonly tenantId: string;
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly payload: unknown;
  /** Absent: now, by the database's clock. */
  readonly runAt: Date | undefined;
  readonly traceparent: string;
};

/** Enters a job, or finds the unfinished one of that key. No row at all: that one ended in this very moment. */
export const enqueue = ({ tenantId, id, kind, key, payload, runAt, traceparent }: NewJob) => sql<{ id: string }>`
  with made as (
    insert into jobs (tenant_id, id, kind, key, payload, run_at, traceparent)
    values (${tenantId}, ${id}, ${kind}, ${key}, ${JSON.stringify(payload ?? null)}::jsonb,
            coalesce(${runAt ?? null}::timestamptz, clock_timestamp()), ${traceparent})
    on conflict (tenant_id, kind, key) do nothing
    returning id)
  select id from made
  union all
  select id from jobs where tenant_id = ${tenantId} and kind = ${kind} and key = ${key}`;

export const remove = (tenantId: string, kind: string, key: string) => sql<{ id: string; holder: string | null }>`
  delete from jobs where tenant_id = ${tenantId} and kind = ${kind} and key = ${key} returning id, holder`;

/** Which of these jobs this process still holds. */
export const stillHeldOf = (processId: string, ids: readonly string[]) => sql<{ id: string; fence: number }>`
  select id, fence from jobs where id = any(${[...ids]}::uuid[]) and holder = ${processId} and state = 'running'`;

export const NOTICES = {
  channel: 'parley_jobs',
  listen: 'listen parley_jobs',
  send: 'select pg_notify($1, $2)',
} as const;

/** Which of these kinds have something to do. */
export const dueKinds = (kinds: readonly string[]) => sql<{ kind: string }>`
  select k.kind from unnest(${kinds}::text[]) as k (kind)
   where exists (select from jobs j where j.kind = k.kind and j.state = 'waiting' and j.run_at <= now())`;

export type JobRow = {
  readonly tenant_id: string;
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly payload: unknown;
  readonly fence: number;
  readonly failures: number;
  readonly crashes: number;
  readonly error: string | null;
  readonly traceparent: string | null;
};

type Claim = {
  readonly kind: string;
  readonly capacity: number;
  /** Tenants behind this one come first; they go round. */
  readonly afterTenant: string;
  readonly processId: string;
};

/**
 * Claims up to `capacity` due jobs of a kind, one of each tenant before a second of any. Tenants are found by skipping
 * through the index, so one with a hundred thousand jobs costs no more than one with three.
 */
export const claim = ({ kind, capacity, afterTenant, processId }: Claim) => sql<JobRow>`
  with recursive tenant (id, n) as (
         (select tenant_id, 1 from jobs
           where kind = ${kind} and state = 'waiting' and run_at <= now() and tenant_id > ${afterTenant}
           order by tenant_id limit 1)
         union all
         select next.tenant_id, tenant.n + 1
           from tenant cross join lateral (
                  select tenant_id from jobs
                   where kind = ${kind} and state = 'waiting' and run_at <= now() and tenant_id > tenant.id
                   order by tenant_id limit 1) as next
          where tenant.n < ${capacity}),
       fair as (
         select j.id, row_number() over (partition by tenant.id order by j.run_at) as place
           from tenant cross join lateral (
                  select id, run_at from jobs
                   where kind = ${kind} and tenant_id = tenant.id and state = 'waiting' and run_at <= now()
                   order by run_at limit ${capacity}) as j),
       picked as (
         select j.tenant_id, j.id from jobs j
          where j.id in (select id from fair order by place limit ${capacity})
            and j.tenant_id in (select id from tenant) and j.state = 'waiting'
            for update skip locked)
  update jobs set state = 'running', holder = ${processId}, fence = jobs.fence + 1
    from picked
   where jobs.tenant_id = picked.tenant_id and jobs.id = picked.id
  returning jobs.tenant_id, jobs.id, jobs.kind, jobs.key, jobs.payload, jobs.fence, jobs.failures, jobs.crashes,
            jobs.error, jobs.traceparent`;

export type Held = {
  readonly tenantId: string;
  readonly id: string;
  readonly fence: number;
  readonly processId: string;
};

const stillHeld = ({ tenantId, id, fence, processId }: Held) => sql`
  tenant_id = ${tenantId} and id = ${id} and fence = ${fence} and holder = ${processId} and state = 'running'`;

export const finish = (held: Held) => sql`delete from jobs where ${stillHeld(held)}`;

export const retryLater = (held: Held, delayMs: number, error: string) => sql`
  update jobs set state = 'waiting', holder = null, failures = failures + 1, error = ${error},
                  run_at = clock_timestamp() + ${delayMs} * interval '1 millisecond'
   where ${stillHeld(held)}`;

/** As if it had not been claimed: for a holder that stops. */
export const giveBack = (held: Held) => sql`
  update jobs set state = 'waiting', holder = null where ${stillHeld(held)}`;

/** Frees what dead processes hold, and counts the crash. */
export const reap = (processId: string) => sql<{ kind: string }>`
  update jobs set state = 'waiting', holder = null, crashes = crashes + 1
   where state = 'running' and holder <> ${processId} and ${isDead('jobs.holder')}
  returning kind`;

export const heldJobs = (processId: string) => sql<{ id: string; fence: number }>`
  select id, fence from jobs where holder = ${processId} and state = 'running'`;

export const countJobs = sql<{ kind: string; state: string; count: number }>`
  select kind, state, count(*) as count from jobs group by kind, state`;

/** How many are running, or would be if somebody had a free hand. */
export const busyJobs = sql<{ count: number }>`
  select count(*) as count from jobs where state = 'running' or run_at <= now()`;

type DeadJob = Pick<JobRow, 'tenant_id' | 'kind' | 'key' | 'payload' | 'crashes' | 'traceparent'> & {
  readonly letterId: string;
  readonly shard: number;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
};

/**
 * Keeps a job that was given up where somebody will look. A second one that is the same takes the place of the first;
 * one of the same key with other work gets a letter of its own.
 */
export const buryJob = (job: DeadJob) => sql`
  with letters as materialized (
         select position, body from dead_letters
          where tenant_id = ${job.tenant_id} and source = 'job' and group_name = ${job.kind} and stream = ${job.key}),
       place as (
         select coalesce((select min(position) from letters where body = ${JSON.stringify(job.payload ?? null)}::jsonb),
                         (select max(position) + 1 from letters), 0) as position)
  insert into dead_letters (tenant_id, id, source, group_name, shard, stream, position, status, type, body,
                            error_code, error_message, attempts, crashes, traceparent)
  select ${job.tenant_id}, ${job.letterId}, 'job', ${job.kind}, ${job.shard}, ${job.key}, place.position, 'failed',
         ${job.kind}, ${JSON.stringify(job.payload ?? null)}::jsonb, ${job.code}, ${job.message}, ${job.attempts},
         ${job.crashes}, ${job.traceparent}
    from place
  on conflict (tenant_id, source, group_name, stream, position) do update
     set body = excluded.body, error_code = excluded.error_code, error_message = excluded.error_message,
         attempts = excluded.attempts, crashes = excluded.crashes, traceparent = excluded.traceparent,
         updated_at = now()`;

export type ScheduleState = {
  readonly next_run_at: Date;
  readonly last_run_at: Date | null;
  /** The database's clock: the one that counts for all processes. */
  readonly now: Date;
};

/** Enters a schedule that is new: due at `firstAt`, or at once. */
export const enterSchedule = (name: string, firstAt: Date | undefined) => sql`
  insert into schedules (name, next_run_at) values (${name}, coalesce(${firstAt ?? null}::timestamptz, clock_timestamp()))
  on conflict do nothing`;

export const clockNow = sql<{ now: Date }>`select clock_timestamp() as now`;

export const scheduleState = (name: string) => sql<ScheduleState>`
  select next_run_at, last_run_at, clock_timestamp() as now from schedules where name = ${name}`;

/** Somebody set the clock back, or changed the schedule: the kept time is not believed. */
export const moveTick = (name: string, from: Date, to: Date) => sql`
  update schedules set next_run_at = ${to} where name = ${name} and next_run_at = ${from}`;

type Tick = {
  readonly name: string;
  /** When it was due: whoever takes it first moves that, so it is taken once. */
  readonly dueAt: Date;
  readonly nextAt: Date;
  readonly lease: string;
  readonly fence: number;
};

/** Takes this tick of the schedule: only one process can, and only while its lease is the newest. */
export const takeTick = ({ name, dueAt, nextAt, lease, fence }: Tick) => sql<{ name: string }>`
  update schedules set next_run_at = ${nextAt}, last_run_at = clock_timestamp()
   where name = ${name} and next_run_at = ${dueAt}
     and exists (select from leases where name = ${lease} and fence = ${fence} and holder is not null)
  returning name`;
