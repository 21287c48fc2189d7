import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import { shardOf } from '../../../platform/events/shards.ts';
import type { Hub } from '../../../platform/realtime/hub.ts';
import type { Streams } from './schemas.ts';
import * as store from './store.ts';

type Deps = {
  readonly db: Db;
  readonly hub: Hub;
  readonly processId: string;
  readonly groups: () => readonly string[];
};

/** Where every shard and every group stands, as the database says it: the same in each process. */
export function streamsView({ db, hub, processId, groups }: Deps): (ctx: Ctx) => Promise<Streams> {
  return async (ctx) => {
    const { tenantId } = ctx;
    const [shards, places, processes, { epoch }] = await Promise.all([
      db.system.all(store.shards),
      db.system.all(store.groupPlaces(groups())),
      db.system.all(store.processes),
      hub.cursor(tenantId),
    ]);
    return {
      epoch,
      shards: shards.map(({ shard, next_position, horizon, waiting, age_seconds, holder }) => ({
        ...{ shard, yours: shard === shardOf(tenantId), head: next_position - 1 },
        oldest: horizon < next_position ? horizon : null,
        outbox: { events: waiting, age_seconds },
        sequencer: holder,
      })),
      groups: [...Map.groupBy(places, ({ group_name }) => group_name)].map(([group, of]) => ({
        group,
        lag_events: of.reduce((sum, { lag_events }) => sum + lag_events, 0),
        lag_seconds: Math.max(0, ...of.map(({ lag_seconds }) => lag_seconds)),
        shards: of.map(({ shard, position: offset, lag_events, lag_seconds, holder }) => ({
          ...{ shard, offset, lag_events, lag_seconds, holder },
        })),
      })),
      processes: processes.map((row) => store.processOf(row, processId)),
    };
  };
}
