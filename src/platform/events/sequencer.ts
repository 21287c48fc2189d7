import type { Db } from '../db/queries.ts';
import type { Keeping, Lease, Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LogEvent, PendingEvent } from './define.ts';
import { createLoop } from './loop.ts';
import { extendShard, PARTITION_SIZE } from './partitions.ts';
import type { EventTypes } from './registry.ts';
import { ALL_SHARDS, shardOf } from './shards.ts';
import * as q from './sql.ts';
import type { Tail } from './tail.ts';

export interface Sequencer extends Service {
  /** Something of these tenants was committed: look at once. */
  nudge(events: readonly PendingEvent[]): void;
  /** These shards may have something: look at once. */
  look(shards: readonly number[]): void;
  /** Resolves when everything it was nudged about has been moved. */
  idle(): Promise<void>;
}

type Deps = {
  readonly db: Db;
  readonly leases: Leases;
  readonly tail: Tail;
  readonly types: EventTypes;
  readonly log: Logger;
  readonly metrics?: Metrics;
};

const BATCH = 500;
/** Behind the nudge: finds what another process committed, or what a crash left. */
const POLL_MS = 250;

/**
 * Moves committed events from the outbox into the log, in batches and in order, giving each the next position of its
 * shard; then hands them to the tails. All shards of this process share one statement a round, so that it needs one
 * connection, and an idle one costs four cheap questions a second.
 */
export function createSequencer({ db, leases, tail, types, log: parent, metrics }: Deps): Sequencer {
  const log = parent.child('sequencer');
  const leased = new Map<number, Lease>();
  /** The fences under which shards may be moved: those that have been written to the shard's head. */
  const held = new Map<number, number>();
  const dirty = new Set<number>();
  const moved = meter(metrics, db);
  let epoch = '';
  let keeping: Keeping | undefined;

  function won(shard: number, lease: Lease): void {
    leased.set(shard, lease);
    lease.signal.addEventListener('abort', () => {
      if (leased.get(shard) !== lease) return;
      leased.delete(shard);
      held.delete(shard);
    });
    loop.nudge();
  }

  /** From here on no older sequencer of these shards can move anything. */
  async function raiseFences(): Promise<void> {
    for (const [shard, { fence, signal }] of leased) {
      if (held.get(shard) === fence) continue;
      await db.system.run(q.raiseFence(shard, fence));
      if (signal.aborted) continue;
      held.set(shard, fence);
      dirty.add(shard);
    }
  }

  async function round(): Promise<void> {
    await raiseFences();
    const shards = [...dirty].filter((shard) => held.has(shard));
    dirty.clear();
    if (shards.length === 0) return;
    const limit = Math.ceil(BATCH / shards.length);
    let rows: Awaited<ReturnType<typeof move>>;
    try {
      rows = await move(shards, limit);
    } catch (error) {
      for (const shard of shards) dirty.add(shard);
      throw error;
    }
    for (const [shard, events] of rows) {
      moved(events);
      tail.publish(shard, events);
      if (events.length === limit) dirty.add(shard);
    }
    for (const [shard, events] of rows) await makeRoom(shard, events.at(-1)?.position ?? 0);
    if (dirty.size > 0) loop.nudge();
  }

  async function move(shards: readonly number[], limit: number) {
    const rows = await db.system.all(
      q.moveBatch(
        shards.map((shard) => ({ shard, fence: held.get(shard) ?? -1 })),
        limit,
      ),
    );
    const events = Map.groupBy(rows, (row) => row.shard);
    return [...events].map(
      ([shard, ofShard]) =>
        [shard, ofShard.sort((a, b) => a.position - b.position).map((row) => types.read(row, epoch))] as const,
    );
  }

  /** Makes the next partition when the one in use is half full. */
  async function makeRoom(shard: number, position: number): Promise<void> {
    const end = ends.get(shard) ?? 0;
    if (position < end - PARTITION_SIZE / 2) return;
    ends.set(shard, await extendShard(db, shard));
  }
  const ends = new Map<number, number>();

  const loop = createLoop({
    pollMs: POLL_MS,
    run: round,
    poll: async () => {
      const rows = leased.size === 0 ? [] : await db.system.all(q.waitingShards([...leased.keys()]));
      for (const { shard } of rows) dirty.add(shard);
      return rows.length > 0 || held.size < leased.size;
    },
    onError: (error) => log.error('could not move events', { error }),
  });

  function look(shards: readonly number[]): void {
    for (const shard of shards) dirty.add(shard);
    loop.nudge();
  }

  return {
    name: 'sequencer',
    async start() {
      epoch = (await db.system.first(q.logEpoch))?.epoch ?? '';
      const shards = new Map(ALL_SHARDS.map((shard) => [`sequencer/${shard}`, shard]));
      loop.start();
      keeping = leases.keep([...shards.keys()], (lease) => won(shards.get(lease.name) ?? 0, lease));
      await keeping.tried;
      await loop.idle();
    },
    async stop() {
      await loop.stop();
      await keeping?.release();
      keeping = undefined;
    },
    look,
    nudge: (events) => look(events.map(({ tenantId }) => shardOf(tenantId))),
    idle: () => loop.idle(),
  };
}

/** From the announcement to the log: 1 ms to a minute. */
const LAG_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10, 60];

function meter(metrics: Metrics | undefined, db: Db) {
  const lag = metrics?.histogram({
    name: 'sequencer_lag_seconds',
    help: 'Time from the announcement of an event to its place in the log.',
    buckets: LAG_BUCKETS,
  });
  const depth = metrics?.gauge({ name: 'outbox_events', help: 'Committed events that are not in the log yet.' });
  metrics?.gauge({
    name: 'outbox_age_seconds',
    help: 'Age of the oldest event that is not in the log yet.',
    async collect(gauge) {
      // Asked for when the metrics are read; a database that is away must not take the other metrics with it.
      const row = await db.system.first(q.outboxDepth).catch(() => undefined);
      depth?.set(row?.depth ?? 0);
      gauge.set(row?.age_seconds ?? 0);
    },
  });
  return (events: readonly LogEvent[]) => {
    if (lag === undefined) return;
    const nowMs = Date.now();
    for (const { time } of events) lag.observe(Math.max(0, nowMs - Date.parse(time)) / 1000);
  };
}
