import type { Db } from '../db/queries.ts';
import type { Keeping, Lease, Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LogEvent, PendingEvent } from './define.ts';
import type { EventCounts } from './event-counts.ts';
import { createLoop, type Loop } from './loop.ts';
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
  /** Whether this process moves this shard's events. */
  holds(shard: number): boolean;
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
  readonly counts?: Pick<EventCounts, 'moved'>;
};

const BATCH = 500;
/** Behind the nudge: finds what another process committed, or what a crash left. */
const POLL_MS = 250;

export const createSequencer = (deps: Deps): Sequencer => new ShardSequencer(deps);

/**
 * Moves committed events from the outbox into the log, in batches and in order, giving each the next position of its
 * shard; then hands them to the tails. All shards of this process share one statement a round, so that it needs one
 * connection, and an idle one costs four cheap questions a second.
 */
class ShardSequencer implements Sequencer {
  readonly name = 'sequencer';
  readonly #d: Deps;
  readonly #loop: Loop;
  readonly #measure: (events: readonly LogEvent[]) => void;
  readonly #leased = new Map<number, Lease>();
  /** The fences under which shards may be moved: those that have been written to the shard's head. */
  readonly #held = new Map<number, number>();
  readonly #dirty = new Set<number>();
  /** Where each shard's partitions end. */
  readonly #ends = new Map<number, number>();
  #epoch = '';
  #keeping: Keeping | undefined;

  constructor(deps: Deps) {
    const log = deps.log.child('sequencer');
    this.#d = deps;
    this.#measure = meter(deps.metrics, deps.db);
    this.#loop = createLoop({
      pollMs: POLL_MS,
      run: () => this.#round(),
      poll: () => this.#poll(),
      onError: (error) => log.error('could not move events', { error }),
    });
  }

  async start(): Promise<void> {
    const { db, leases } = this.#d;
    this.#epoch = (await db.system.first(q.logEpoch))?.epoch ?? '';
    const shards = new Map(ALL_SHARDS.map((shard) => [`sequencer/${shard}`, shard]));
    this.#loop.start();
    this.#keeping = leases.keep([...shards.keys()], (lease) => this.#won(shards.get(lease.name) ?? 0, lease));
    await this.#keeping.tried;
    await this.#loop.idle();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#keeping?.release();
    this.#keeping = undefined;
  }

  nudge(events: readonly PendingEvent[]): void {
    this.look(events.map(({ tenantId }) => shardOf(tenantId)));
  }

  look(shards: readonly number[]): void {
    for (const shard of shards) this.#dirty.add(shard);
    this.#loop.nudge();
  }

  holds(shard: number): boolean {
    return this.#held.has(shard);
  }

  idle(): Promise<void> {
    return this.#loop.idle();
  }

  #won(shard: number, lease: Lease): void {
    this.#leased.set(shard, lease);
    lease.signal.addEventListener('abort', () => {
      if (this.#leased.get(shard) !== lease) return;
      this.#leased.delete(shard);
      this.#held.delete(shard);
    });
    this.#loop.nudge();
  }

  async #poll(): Promise<boolean> {
    if (this.#leased.size === 0) return false;
    const rows = await this.#d.db.system.all(q.waitingShards([...this.#leased.keys()]));
    for (const { shard } of rows) this.#dirty.add(shard);
    return rows.length > 0 || this.#held.size < this.#leased.size;
  }

  async #round(): Promise<void> {
    await this.#raiseFences();
    const shards = [...this.#dirty].filter((shard) => this.#held.has(shard));
    this.#dirty.clear();
    if (shards.length === 0) return;
    const limit = Math.ceil(BATCH / shards.length);
    const moved = await this.#move(shards, limit).catch((error: unknown) => {
      for (const shard of shards) this.#dirty.add(shard);
      throw error;
    });
    for (const [shard, events] of moved) {
      this.#measure(events);
      this.#d.counts?.moved(events);
      this.#d.tail.publish(shard, events);
      if (events.length === limit) this.#dirty.add(shard);
    }
    for (const [shard, events] of moved) await this.#makeRoom(shard, events.at(-1)?.position ?? 0);
    if (this.#dirty.size > 0) this.#loop.nudge();
  }

  /** From here on no older sequencer of these shards can move anything. */
  async #raiseFences(): Promise<void> {
    for (const [shard, { fence, signal }] of this.#leased) {
      if (this.#held.get(shard) === fence) continue;
      await this.#d.db.system.run(q.raiseFence(shard, fence));
      if (signal.aborted) continue;
      this.#held.set(shard, fence);
      this.#dirty.add(shard);
    }
  }

  async #move(shards: readonly number[], limit: number): Promise<(readonly [number, LogEvent[]])[]> {
    const held = shards.map((shard) => ({ shard, fence: this.#held.get(shard) ?? -1 }));
    const rows = await this.#d.db.system.all(q.moveBatch(held, limit));
    return [...Map.groupBy(rows, (row) => row.shard)].map(([shard, ofShard]) => {
      const ordered = ofShard.sort((a, b) => a.position - b.position);
      return [shard, ordered.map((row) => this.#d.types.read(row, this.#epoch))] as const;
    });
  }

  /** Makes the next partition when the one in use is half full. */
  async #makeRoom(shard: number, position: number): Promise<void> {
    const end = this.#ends.get(shard) ?? 0;
    if (position >= end - PARTITION_SIZE / 2) this.#ends.set(shard, await extendShard(this.#d.db, shard));
  }
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
