import { sql } from 'kysely';
import type { Query } from '../db/queries.ts';
import type { PendingEvent } from './define.ts';
import type { EventRow } from './registry.ts';
import { shardOf } from './shards.ts';

const COLUMNS = sql.raw('shard, position, tenant_id, id, type, dataversion, stream, subject, data, time, traceparent');

/** Writes the events of a transaction, in their order, as its last statement. */
export function insertOutbox(events: readonly PendingEvent[]): Query<unknown> {
  const column = <T>(pick: (event: PendingEvent) => T): T[] => events.map(pick);
  return sql`
    insert into outbox (shard, tenant_id, id, type, dataversion, topic, stream, subject, data, time, traceparent)
    select shard, tenant_id, id, type, dataversion, topic, stream, subject, data::jsonb, time, traceparent
      from unnest(${column((e) => shardOf(e.tenantId))}::smallint[], ${column((e) => e.tenantId)}::uuid[],
                  ${column((e) => e.id)}::uuid[], ${column((e) => e.type)}::text[],
                  ${column((e) => e.version)}::smallint[], ${column((e) => e.topic)}::text[],
                  ${column((e) => e.stream)}::text[], ${column((e) => e.subject)}::text[],
                  ${column((e) => JSON.stringify(e.data))}::text[], ${column((e) => e.time)}::timestamptz[],
                  ${column((e) => e.traceparent ?? null)}::text[])
           with ordinality as e (shard, tenant_id, id, type, dataversion, topic, stream, subject, data, time,
                                 traceparent, place)
     order by place`;
}

/** Which of `shards` have events waiting in the outbox. */
export const waitingShards = (shards: readonly number[]) => sql<{ shard: number }>`
  select s.shard::int as shard from unnest(${shards}::smallint[]) as s (shard)
   where exists (select from outbox o where o.shard = s.shard)`;

export const outboxDepth = sql<{ depth: number; age_seconds: number }>`
  select count(*) as depth, coalesce(extract(epoch from now() - min(time)), 0)::float8 as age_seconds from outbox`;

/** Makes `fence` the only one whose `moveBatch` finds the shard's head. */
export const raiseFence = (shard: number, fence: number) => sql`
  update log_shards set fence = ${fence} where shard = ${shard} and fence < ${fence}`;

export type HeldShard = { readonly shard: number; readonly fence: number };

/**
 * The sequencer's statement: takes up to `limit` events a shard out of the outbox, in their order, and puts them into
 * the log at the shard's next positions. A head whose fence is another's is not found, and then nothing moves. The
 * lock on the head makes two statements of one shard follow each other; a row that the first has taken is no
 * longer there for the second, whatever its snapshot said.
 */
export const moveBatch = (held: readonly HeldShard[], limit: number) => sql<EventRow>`
  with head as materialized (
         select l.shard, l.next_position
           from log_shards l
           join unnest(${held.map((h) => h.shard)}::smallint[], ${held.map((h) => h.fence)}::bigint[])
                as held (shard, fence) on held.shard = l.shard and held.fence = l.fence
          order by l.shard
            for update of l),
       taken as (
         delete from outbox o
          using head cross join lateral (
                  select seq from outbox w where w.shard = head.shard order by seq limit ${limit}) as picked
          where o.shard = head.shard and o.seq = picked.seq
         returning o.*, head.next_position),
       moved as (
         update log_shards l set next_position = l.next_position + t.taken
           from (select shard, count(*) as taken from taken group by shard) t
          where l.shard = t.shard)
  insert into events (shard, position, tenant_id, id, type, dataversion, topic, stream, subject, data, time, traceparent)
  select shard, next_position + row_number() over (partition by shard order by seq) - 1, tenant_id, id, type,
         dataversion, topic, stream, subject, data, time, traceparent
    from taken
  returning ${COLUMNS}`;

export type ShardHead = { readonly shard: number; readonly next_position: number; readonly horizon: number };

/** Every shard's next position and the first one that is still kept. */
export const shardHeads = sql<ShardHead>`
  select shard::int as shard, next_position, horizon from log_shards order by shard`;

/** What tells this log from every other one, copies of the same template included. */
export const logIdentity = sql<{ identity: string }>`
  select e.epoch || '-' || d.oid as identity from log_epoch e, pg_database d where d.datname = current_database()`;

/** Positions begin anew from somewhere: cursors of before are told apart. Once, whoever asks first. */
export const nextEpoch = (old: string) => sql`
  update log_epoch set epoch = substr(md5(gen_random_uuid()::text), 1, 8) where epoch = ${old}`;

export const logEpoch = sql<{ epoch: string }>`select epoch from log_epoch`;

/** The shard's events after a position, in order. */
export const readShard = (shard: number, after: number, limit: number) => sql<EventRow>`
  select ${COLUMNS} from events
   where shard = ${shard} and position > ${after}
   order by position limit ${limit}`;

export type TenantRange = {
  readonly tenantId: string;
  /** Exclusive. */
  readonly after: number;
  /** Inclusive. */
  readonly upTo: number;
  readonly streams?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  readonly limit: number;
};

/** A tenant's events within a range of positions, in order; of some streams and types only, where given. */
export const readTenant = ({ tenantId, after, upTo, streams, types, limit }: TenantRange) => sql<EventRow>`
  select ${COLUMNS} from events
   where shard = ${shardOf(tenantId)} and tenant_id = ${tenantId} and position > ${after} and position <= ${upTo}
     ${streams === undefined ? sql`` : ofStreams(streams)}
     ${types === undefined ? sql`` : sql`and type = any(${types}::text[])`}
   order by position limit ${limit}`;

/** One is asked for by itself: then the index by stream has the order too, and what is of others is not gone through. */
const ofStreams = (streams: readonly string[]) =>
  streams.length === 1 ? sql`and stream = ${streams[0]}` : sql`and stream = any(${streams}::text[])`;

/** Enters the shard's next partition, when less than half of one is left; answers what was entered. */
export const recordPartition = (shard: number, size: number) => sql<{ from_position: number; to_position: number }>`
  insert into log_partitions (shard, from_position, to_position)
  select l.shard, max(p.to_position), max(p.to_position) + ${size}
    from log_shards l join log_partitions p on p.shard = l.shard
   where l.shard = ${shard}
   group by l.shard, l.next_position
  having max(p.to_position) - l.next_position <= ${size} / 2
  on conflict do nothing
  returning from_position, to_position`;

export const partitionEnd = (shard: number) => sql<{ to_position: number }>`
  select max(to_position) as to_position from log_partitions where shard = ${shard}`;

export const addPartition = (shard: number, from: number, to: number) => sql`
  select log_add_partition(${shard}, ${from}, ${to})`;

/** Where the shard stands, and the lowest offset of these groups in it. */
export const upkeepState = (shard: number, groups: readonly string[]) => sql<{
  next_position: number;
  consumed_to: number;
}>`
  select l.next_position, least(l.next_position - 1, min(o.position)) as consumed_to
    from log_shards l
    left join consumer_offsets o on o.shard = l.shard and o.group_name = any(${groups}::text[])
   where l.shard = ${shard}
   group by l.next_position`;

/** Each partition with the time of its first event and of the newest one in it. */
export const partitionAges = (shard: number) => sql<{
  from_position: number;
  to_position: number;
  oldest: Date | null;
  newest: Date | null;
}>`
  select p.from_position, p.to_position,
         (select time from events e where e.shard = p.shard and e.position = p.from_position) as oldest,
         (select time from events e where e.shard = p.shard
             and e.position = least(p.to_position, l.next_position) - 1 and e.position >= p.from_position) as newest
    from log_partitions p join log_shards l on l.shard = p.shard
   where p.shard = ${shard}
   order by p.from_position`;

type Range = { readonly from: number; readonly to: number };

/** While somebody waits for this lock, everybody else waits behind it: so not for long. */
export const waitTwoSeconds = sql`select set_config('lock_timeout', '2s', true)`;
export const lockLog = sql`lock table only events in access exclusive mode`;

export const sealPartition = (shard: number, { from, to }: Range, at: number) => sql`
  select log_seal_partition(${shard}, ${from}, ${at}, ${to})`;

export const recordSeal = (shard: number, { from, to }: Range, at: number) => sql`
  with sealed as (
    update log_partitions set to_position = ${at} where shard = ${shard} and from_position = ${from})
  insert into log_partitions (shard, from_position, to_position) values (${shard}, ${at}, ${to})`;

export const dropPartition = (shard: number, from: number) => sql`select log_drop_partition(${shard}, ${from})`;

export const recordDrop = (shard: number, from: number, to: number) => sql`
  with dropped as (delete from log_partitions where shard = ${shard} and from_position = ${from})
  update log_shards set horizon = ${to} where shard = ${shard}`;

/** Enters a place for groups that are new: everything that the log still has is ahead of them. */
export const enterGroups = (groups: readonly string[]) => sql`
  insert into consumer_offsets (group_name, shard, position)
  select g.name, l.shard, l.horizon - 1 from unnest(${groups}::text[]) as g (name) cross join log_shards l
  on conflict do nothing`;

export type Place = {
  readonly position: number;
  /** Where it had been before what it had not seen was dropped from the log. */
  readonly before: number;
};

/** Makes `fence` the only one under which the group's events of this shard can be handled; the same may come again. */
export const takePlace = (group: string, shard: number, fence: number) => sql<Place>`
  with old as (select position from consumer_offsets where group_name = ${group} and shard = ${shard})
  update consumer_offsets o set fence = ${fence}, position = greatest(o.position, l.horizon - 1)
    from log_shards l
   where o.group_name = ${group} and o.shard = ${shard} and l.shard = o.shard and o.fence <= ${fence}
  returning o.position, (select position from old) as before`;

/**
 * Notes that an event is about to be tried; answers how often it had been begun before and never ended. One that the
 * inbox holds is not about to be tried: offsets are saved late, and going over it again must not make the event that
 * follows forget who died with it.
 */
export const noteTrying = ({ tenantId, group, shard, position }: Receipt) => sql<{ crashes: number }>`
  update consumer_offsets
     set crashes = case when trying = ${position} then crashes + 1 else 0 end, trying = ${position}
   where group_name = ${group} and shard = ${shard}
     and not exists (select from inbox
                      where tenant_id = ${tenantId} and group_name = ${group} and position = ${position})
  returning crashes`;

export type SeenTo = {
  readonly group: string;
  readonly shard: number;
  readonly fence: number;
  readonly position: number;
};

/** Moves the offsets of those that still hold their places, and forgets the inbox below them. */
export const saveOffsets = (seen: readonly SeenTo[]) => sql`
  with seen as (
         select * from unnest(${seen.map((s) => s.group)}::text[], ${seen.map((s) => s.shard)}::smallint[],
                              ${seen.map((s) => s.fence)}::bigint[], ${seen.map((s) => s.position)}::bigint[])
                  as s (group_name, shard, fence, position)),
       moved as (
         update consumer_offsets o set position = seen.position
           from seen
          where o.group_name = seen.group_name and o.shard = seen.shard and o.fence = seen.fence
            and o.position < seen.position
         returning o.group_name, o.shard, o.position)
  delete from inbox i using moved
   where i.group_name = moved.group_name and i.shard = moved.shard and i.position <= moved.position`;

export type Receipt = {
  readonly tenantId: string;
  readonly group: string;
  readonly shard: number;
  readonly fence: number;
  readonly position: number;
};

const place = ({ group, shard, fence }: Receipt) => sql`
  select position from consumer_offsets where group_name = ${group} and shard = ${shard} and fence = ${fence}`;

/**
 * In the effect's own transaction: `held` says whether this is still the newest holder, `fresh` whether the event has
 * not been handled before. Another holder's transaction with the same event makes this one wait for its end.
 */
export const receive = (receipt: Receipt) => sql<{ held: boolean; fresh: boolean }>`
  with place as materialized (${place(receipt)}),
       taken as (
         insert into inbox (tenant_id, group_name, shard, position)
         select ${receipt.tenantId}::uuid, ${receipt.group}, ${receipt.shard}::smallint, ${receipt.position}::bigint
           from place where place.position < ${receipt.position}
         on conflict do nothing returning 1)
  select exists (select from place) as held, exists (select from taken) as fresh`;

type Failure = { readonly code: string; readonly message: string; readonly attempts: number };

export type Parking = Receipt & {
  readonly id: string;
  readonly stream: string;
  readonly type: string;
  readonly event: unknown;
  readonly traceparent: string | undefined;
  /** Present for the event that failed; absent for one behind it. */
  readonly failure: (Failure & { readonly crashes: number }) | undefined;
};

/**
 * Puts an event aside, once. One that comes behind is parked while its stream's failed event is there. The share
 * lock on that one makes a requeue or a discard come wholly before or wholly after this.
 */
export const park = (parking: Parking) => sql`
  with place as materialized (${place(parking)}),
       failed as materialized (
         select 1 from dead_letters
          where tenant_id = ${parking.tenantId} and source = 'event' and group_name = ${parking.group}
            and stream = ${parking.stream} and status = 'failed'
            for share),
       taken as (
         insert into inbox (tenant_id, group_name, shard, position)
         select ${parking.tenantId}::uuid, ${parking.group}, ${parking.shard}::smallint, ${parking.position}::bigint
           from place join tenants on tenants.id = ${parking.tenantId}
         on conflict do nothing returning 1)
  insert into dead_letters (tenant_id, id, source, group_name, shard, stream, position, status, type, body,
                            error_code, error_message, attempts, crashes, traceparent)
  select ${parking.tenantId}, ${parking.id}, 'event', ${parking.group}, ${parking.shard}, ${parking.stream},
         ${parking.position},
         case when ${parking.failure !== undefined} then 'failed'
              when exists (select from failed) then 'parked' else 'requeued' end,
         ${parking.type}, ${JSON.stringify(parking.event)}::jsonb, ${parking.failure?.code ?? null},
         ${parking.failure?.message ?? null}, ${parking.failure?.attempts ?? 0},
         ${parking.failure?.crashes ?? 0}, ${parking.traceparent ?? null}
    from taken
  on conflict do nothing`;

export type Key = { readonly tenant_id: string; readonly stream: string };

/** The streams of a group that have something put aside. Those that are not blocked by a failed one may go on. */
export const parkedKeys = (group: string, shard: number) => sql<Key & { blocked: boolean }>`
  select tenant_id, stream, bool_or(status = 'failed') as blocked from dead_letters
   where source = 'event' and group_name = ${group} and shard = ${shard}
   group by tenant_id, stream`;

/** Letters that a process died with while it handled them again are tried once more, up to `maxCrashes` of these. */
export const reviveLetters = (group: string, shard: number, maxCrashes: number) => sql`
  update dead_letters
     set status = case when crashes < ${maxCrashes} then 'requeued' else 'failed' end,
         error_code = case when crashes < ${maxCrashes} then error_code else 'crashes' end,
         error_message = case when crashes < ${maxCrashes} then error_message
                              else crashes || ' processes died with this event' end,
         updated_at = now()
   where source = 'event' and group_name = ${group} and shard = ${shard} and status = 'failed'
     and error_code = 'interrupted'`;

/** Streams of these places whose put-aside events are to be handled again. */
export const requeuedKeys = (places: readonly { group: string; shard: number }[]) => sql<
  Key & { group_name: string; shard: number }
>`
  select distinct d.group_name, d.shard::int as shard, d.tenant_id, d.stream
    from unnest(${places.map((p) => p.group)}::text[], ${places.map((p) => p.shard)}::smallint[]) as p (name, shard)
    join dead_letters d on d.group_name = p.name and d.shard = p.shard
   where d.source = 'event' and d.status = 'requeued'
   limit 1000`;

/**
 * What is to be handled again, but stands behind one that failed meanwhile, waits for that one. The share lock makes
 * a requeue or a discard of that one come wholly before or wholly after this.
 */
export const parkBehind = (group: string, { tenant_id, stream }: Key) => sql`
  with failed as materialized (
         select position from dead_letters
          where tenant_id = ${tenant_id} and source = 'event' and group_name = ${group} and stream = ${stream}
            and status = 'failed'
          order by position limit 1 for share)
  update dead_letters d set status = 'parked'
    from failed
   where d.tenant_id = ${tenant_id} and d.source = 'event' and d.group_name = ${group} and d.stream = ${stream}
     and d.status = 'requeued' and d.position > failed.position`;

export type ParkedLetter = { readonly id: string; readonly status: string; readonly body: unknown };

/** The first of a stream's events that were put aside. */
export const firstLetter = (group: string, { tenant_id, stream }: Key) => sql<ParkedLetter>`
  select id, status, body from dead_letters
   where tenant_id = ${tenant_id} and source = 'event' and group_name = ${group} and stream = ${stream}
   order by position limit 1`;

/**
 * Before a letter is tried again: should the process die with it, it is found as failed, with one crash more
 * (`reviveLetters`). Touches nothing when somebody discarded it, or it failed meanwhile.
 */
export const beginLetter = (tenantId: string, letterId: string) => sql`
  update dead_letters
     set status = 'failed', error_code = 'interrupted', crashes = crashes + 1, updated_at = now(),
         error_message = 'The process ended while this was being handled again'
   where tenant_id = ${tenantId} and id = ${letterId} and status <> 'failed'`;

/** A letter whose try was cut short by an orderly stop. */
export const resumeLetter = (tenantId: string, letterId: string) => sql`
  update dead_letters set status = 'requeued', crashes = greatest(crashes - 1, 0)
   where tenant_id = ${tenantId} and id = ${letterId}`;

/** In the effect's own transaction: takes the letter away, if this is still the newest holder and it is still there. */
export const takeLetter = (receipt: Receipt, letterId: string) => sql<{ held: boolean; fresh: boolean }>`
  with place as materialized (${place(receipt)}),
       taken as (
         delete from dead_letters
          where tenant_id = ${receipt.tenantId} and id = ${letterId} and exists (select from place)
         returning 1)
  select exists (select from place) as held, exists (select from taken) as fresh`;

/** A letter that failed again blocks its stream once more. */
export const failAgain = (
  group: string,
  { tenant_id, stream }: Key,
  { id, code, message, attempts }: { id: string; code: string; message: string; attempts: number },
) => sql`
  with behind as (
    update dead_letters set status = 'parked'
     where tenant_id = ${tenant_id} and source = 'event' and group_name = ${group} and stream = ${stream}
       and status = 'requeued' and id <> ${id})
  update dead_letters
     set status = 'failed', error_code = ${code}, error_message = ${message}, attempts = attempts + ${attempts},
         crashes = 0, updated_at = now()
   where tenant_id = ${tenant_id} and id = ${id}`;
