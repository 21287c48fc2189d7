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
     ${streams === undefined ? sql`` : sql`and stream = any(${streams}::text[])`}
     ${types === undefined ? sql`` : sql`and type = any(${types}::text[])`}
   order by position limit ${limit}`;

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
