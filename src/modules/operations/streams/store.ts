import { sql } from 'kysely';
import type { BreakerState } from '../../../platform/reliability/breaker.ts';

const living = sql.raw("seen_at > clock_timestamp() - interval '2 seconds'");

type ShardRow = {
  readonly shard: number;
  readonly next_position: number;
  readonly horizon: number;
  readonly waiting: number;
  readonly age_seconds: number;
  readonly holder: string | null;
};

/** Each shard with what waits for it, and who moves its events. */
export const shards = sql<ShardRow>`
  select l.shard::int as shard, l.next_position, l.horizon, coalesce(o.waiting, 0) as waiting,
         coalesce(o.age_seconds, 0)::float8 as age_seconds, p.id as holder
    from log_shards l
    left join (select shard, count(*) as waiting, greatest(0, extract(epoch from now() - min(time))) as age_seconds
                 from outbox group by shard) o on o.shard = l.shard
    left join leases s on s.name = 'sequencer/' || l.shard
    left join processes p on p.id = s.holder and p.${living}
   order by l.shard`;

type PlaceRow = {
  readonly group_name: string;
  readonly shard: number;
  readonly position: number;
  readonly lag_events: number;
  readonly lag_seconds: number;
  readonly holder: string | null;
};

/** Where each of these groups stands in each shard. */
export const groupPlaces = (groups: readonly string[]) => sql<PlaceRow>`
  select o.group_name, o.shard::int as shard, greatest(o.position, 0) as position,
         greatest(0, l.next_position - 1 - greatest(o.position, l.horizon - 1)) as lag_events,
         coalesce(greatest(0, extract(epoch from now() - e.time)), 0)::float8 as lag_seconds, p.id as holder
    from consumer_offsets o
    join log_shards l on l.shard = o.shard
    left join events e on e.shard = o.shard and e.position = greatest(o.position + 1, l.horizon)
    left join leases s on s.name = 'consumer/' || o.group_name || '/' || o.shard
    left join processes p on p.id = s.holder and p.${living}
   where o.group_name = any(${groups}::text[])
   order by o.group_name, o.shard`;

type ProcessRow = {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly started_at: Date;
  readonly breakers: { readonly name: string; readonly state: BreakerState }[];
};

/** Processes that live. Their number is the operator's; the limit is for whoever starts the thousandth. */
export const processes = sql<ProcessRow>`
  select id, host, pid, roles, started_at, breakers from processes where ${living} order by started_at, id limit 1000`;

/** A process as it goes out. */
export const processOf = ({ id, host, pid, started_at, roles }: ProcessRow, self: string) => ({
  ...{ id, host, pid },
  roles: [...roles],
  since: started_at.toISOString(),
  self: id === self,
});
