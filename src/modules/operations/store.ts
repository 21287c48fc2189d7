import { sql } from 'kysely';
import type { Reader } from '../../platform/db/queries.ts';
import type { EventRow } from '../../platform/events/registry.ts';
import { shardOf } from '../../platform/events/shards.ts';

export type EventQuery = {
  /** Undefined: whatever type. */
  readonly types: readonly string[] | undefined;
  readonly stream?: string | undefined;
  readonly subject?: string | undefined;
  /** Its id, in lower case. */
  readonly trace?: string | undefined;
  /** When they were announced: inclusive, exclusive. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** Inclusive, both. */
  readonly fromPosition?: number | undefined;
  readonly toPosition?: number | undefined;
  /** In the data, whatever its case. */
  readonly text?: string | undefined;
  /** Exclusive; undefined: from the newest on. */
  readonly before: number | undefined;
  readonly limit: number;
};

/** Events whose data one page looks into: some 20 ms. */
const MAX_SEARCHED = 5_000;

const COLUMNS = sql.raw('shard, position, tenant_id, id, type, dataversion, stream, subject, data, time, traceparent');

const matching = (tenantId: string, query: EventQuery) => {
  const { types = null, stream = null, subject = null, from = null, to = null, before = null } = query;
  const { fromPosition = 1, toPosition = null, trace = null } = query;
  return sql`
    select ${COLUMNS} from events
     where shard = ${shardOf(tenantId)} and tenant_id = ${tenantId} and position >= ${fromPosition}
       and (${before}::bigint is null or position < ${before}::bigint)
       and (${toPosition}::bigint is null or position <= ${toPosition}::bigint)
       and (${types}::text[] is null or type = any(${types}::text[]))
       and (${stream}::text is null or stream = ${stream})
       and (${subject}::text is null or subject = ${subject})
       and (${trace}::text is null or substr(traceparent, 4, 32) = ${trace})
       and (${from}::timestamptz is null or time >= ${from}::timestamptz)
       and (${to}::timestamptz is null or time < ${to}::timestamptz)
     order by position desc`;
};

/** The tenant's events, the newest first; `scannedTo` is where a search in their texts broke off. */
export async function listEvents(
  reader: Reader,
  query: EventQuery,
): Promise<{ rows: EventRow[]; scannedTo: number | undefined }> {
  const { tenantId } = reader.ctx;
  const { text, limit } = query;
  if (text === undefined)
    return { rows: await reader.all<EventRow>(sql`${matching(tenantId, query)} limit ${limit}`), scannedTo: undefined };
  type Found = EventRow & { readonly found: boolean; readonly searched: number; readonly searched_to: number | null };
  const found = await reader.all<Found>(sql`
    with looked_at as materialized (${matching(tenantId, query)} limit ${MAX_SEARCHED}),
         bounds as (select count(*) as searched, min(position) as searched_to from looked_at)
    select hit.*, hit.id is not null as found, bounds.searched, bounds.searched_to
      from bounds left join lateral (
             select * from looked_at where position(lower(${text}::text) in lower(data::text)) > 0
              order by position desc limit ${limit}) as hit on true
     order by hit.position desc`);
  const [first] = found;
  const brokenOff = first !== undefined && first.searched === MAX_SEARCHED;
  return {
    rows: found.filter((row) => row.found),
    scannedTo: brokenOff ? (first.searched_to ?? undefined) : undefined,
  };
}

export const findEvent = (
  reader: Reader,
  id: string,
  { first, last }: { first: number; last: number },
): Promise<EventRow | undefined> =>
  reader.first<EventRow>(sql`
    select ${COLUMNS} from events
     where shard = ${shardOf(reader.ctx.tenantId)} and tenant_id = ${reader.ctx.tenantId}
       and position between ${first} and ${last} and id = ${id}`);

/**
 * Between which positions of a shard the events of a time stand. Positions have no hole and grow with time, so halving
 * finds them by some twenty look-ups of the key.
 */
export const positionsAt = (shard: number, from: Date, to: Date) => sql<{ first: number; last: number }>`
  with recursive halving (side, at, low, high) as (
         select s.side, s.at, l.horizon, l.next_position
           from log_shards l
          cross join (values ('first', ${from}::timestamptz), ('last', ${to}::timestamptz)) as s (side, at)
          where l.shard = ${shard}
         union all
         select h.side, h.at, case when e.time < h.at then e.position + 1 else h.low end,
                case when e.time < h.at then h.high else e.position end
           from halving h
           join events e on e.shard = ${shard} and e.position = (h.low + h.high) / 2
          where h.low < h.high)
  select max(low) filter (where side = 'first') as first, max(low) filter (where side = 'last') as last
    from halving where low = high`;
