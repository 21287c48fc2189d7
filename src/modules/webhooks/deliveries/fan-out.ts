import { uuidv7 } from '../../../lib/ids.ts';
import type { Tx } from '../../../platform/db/queries.ts';
import type { Consumer } from '../../../platform/events/consumer.ts';
import type { LogEvent } from '../../../platform/events/define.ts';
import type { EventTypes } from '../../../platform/events/registry.ts';
import type { Jobs } from '../../../platform/jobs/define.ts';
import { formatCursor } from '../../../platform/realtime/cursor.ts';
import type { Hub } from '../../../platform/realtime/hub.ts';
import { WEBHOOK_EVENTS } from '../events.ts';
import { isSince, wants } from '../rules.ts';
import * as hooks from '../store.ts';
import type { Topics } from '../topics.ts';
import { DELIVERY_JOB } from './attempt.ts';
import { insertDeliveries, type NewDelivery } from './store.ts';

type Interests = readonly (readonly string[] | null)[];
/** Tenants whose webhooks' types are remembered. */
const MAX_TENANTS = 10_000;

type Deps = {
  readonly jobs: Jobs;
  readonly hub: Pick<Hub, 'tap'>;
  readonly types: EventTypes;
  readonly topics: Topics;
};

/**
 * Every event becomes a delivery and its job for each webhook that wants it, in one transaction. Deliveries announce
 * nothing, so none causes another. Most events are wanted by nobody, and cost no transaction: which types a tenant's
 * webhooks want is remembered, and forgotten when one of them changes. That change is in the same shard of the log,
 * before whatever happened after it, so it is heard of in time: here, or by the tap where another process went through it.
 */
export function fanOut({ jobs, hub, types, topics }: Deps): Consumer {
  const interests = new Map<string, Interests>();
  const changes = new Set(WEBHOOK_EVENTS.map(({ type }) => type));
  let generation = 0;
  const forget = ({ tenantid }: LogEvent) => {
    generation += 1;
    interests.delete(tenantid);
  };
  hub.tap([...changes], forget);

  return {
    group: 'webhooks',
    get types() {
      return types.all();
    },
    skips(event) {
      if (changes.has(event.type)) forget(event);
      const topic = topics.of(event.type);
      const wanted = interests.get(event.tenantid)?.some((chosen) => wants(chosen, event.type, topic));
      return wanted === false;
    },
    async handle(tx, event) {
      const before = generation;
      const listening = await hooks.listening(tx);
      if (interests.size >= MAX_TENANTS) interests.clear();
      if (generation === before)
        interests.set(
          event.tenantid,
          listening.map((webhook) => webhook.types),
        );
      const topic = topics.of(event.type);
      const chosen = listening.filter(
        (webhook) => wants(webhook.types, event.type, topic) && isSince(webhook.enabled_at, event.time),
      );
      await deliver(
        { jobs, tx },
        chosen.map(({ id }) => ({ ...deliveryOf(event), webhook_id: id, kind: 'event', batch_id: id })),
      );
    },
  };
}

/** What of a delivery the event says. */
export const deliveryOf = (event: LogEvent): Omit<NewDelivery, 'id' | 'webhook_id' | 'kind' | 'batch_id'> => ({
  event_id: event.id,
  type: event.type,
  stream: event.stream,
  log_cursor: formatCursor(event),
  body: JSON.stringify(event),
});

/** Enters deliveries with the jobs that attempt them, in this order; answers those that were not there before. */
export async function deliver(
  { jobs, tx }: { jobs: Jobs; tx: Tx },
  rows: readonly Omit<NewDelivery, 'id'>[],
): Promise<string[]> {
  if (rows.length === 0) return [];
  // Lists are sorted by id, and those of one millisecond are in no order.
  const ids = rows.map(() => uuidv7()).sort();
  const numbered = rows.map((row, place) => ({ ...row, id: ids[place] as string }));
  const made = (await insertDeliveries(tx, numbered)).map(({ id }) => id).sort();
  for (const id of made) await jobs.enqueue(tx, { kind: DELIVERY_JOB, key: id, payload: { delivery_id: id } });
  return made;
}
