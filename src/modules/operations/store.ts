import { sql } from 'kysely';
import type { Reader } from '../../platform/db/queries.ts';
import type { EventRow } from '../../platform/events/registry.ts';
import { shardOf } from '../../platform/events/shards.ts';

export type EventQuery = {
  /** Undefined: whatever type. */
  readonly types: readonly string[] | undefined;
  readonly type?: string | undefined;
  readonly stream?: string | undefined;
  /** Exclusive; undefined: from the newest on. */
  readonly before: number | undefined;
  readonly limit: number;
};

/** The tenant's events, the newest first. */
export function listEvents(reader: Reader, { types, type, stream, before, limit }: EventQuery): Promise<EventRow[]> {
  const { tenantId } = reader.ctx;
  return reader.all<EventRow>(sql`
    select shard, position, tenant_id, id, type, dataversion, stream, subject, data, time, traceparent from events
     where shard = ${shardOf(tenantId)} and tenant_id = ${tenantId}
       and (${before ?? null}::bigint is null or position < ${before ?? null}::bigint)
       and (${types ?? null}::text[] is null or type = any(${types ?? null}::text[]))
       and (${type ?? null}::text is null or type = ${type ?? null})
       and (${stream ?? null}::text is null or stream = ${stream ?? null})
     order by position desc limit ${limit}`);
}
