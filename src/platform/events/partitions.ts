import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../db/queries.ts';
import type { Schedule } from '../jobs/schedule.ts';
import type { Logger } from '../telemetry/log.ts';
import { ALL_SHARDS } from './shards.ts';
import * as q from './sql.ts';

/** Positions of a partition that is not sealed earlier. At 1,000 events/s in one shard: 86 partitions a day. */
export const PARTITION_SIZE = 1_000_000;

const DAY_MS = 86_400_000;

/**
 * Sees to it that the shard has room for at least half a partition more, and answers the first position without
 * room. Two processes may do this at once: the second finds it done.
 */
export async function extendShard(db: Db, shard: number): Promise<number> {
  return db.inSystemTx(async (tx) => {
    const added = await tx.first(q.recordPartition(shard, PARTITION_SIZE));
    if (added) await tx.run(q.addPartition(shard, added.from_position, added.to_position));
    return (await tx.first(q.partitionEnd(shard)))?.to_position ?? 0;
  });
}

/** A range of positions of one shard, with what retention must know of it. */
export type Partition = {
  /** Inclusive. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** When its first and its newest event were announced; undefined while it is empty. */
  readonly oldest: Date | undefined;
  readonly newest: Date | undefined;
};

export type Upkeep = { readonly seal: Partition | undefined; readonly drop: readonly Partition[] };

/**
 * What to do with a shard's partitions. Those whose newest event is older than `keepMs` go, oldest first and only as
 * long as every consumer has seen all of them (`consumedTo`: the lowest offset). The one that is being written is
 * sealed where it stands once its first event is a day old, so that a quiet shard forgets as punctually as a busy one.
 */
export function planUpkeep(
  partitions: readonly Partition[],
  { now, keepMs, next, consumedTo }: { now: Date; keepMs: number; next: number; consumedTo: number },
): Upkeep {
  const drop: Partition[] = [];
  for (const partition of partitions) {
    const done = partition.to <= next && partition.to - 1 <= consumedTo;
    const expired = partition.newest !== undefined && now.getTime() - partition.newest.getTime() > keepMs;
    if (!done || !expired) break;
    drop.push(partition);
  }
  const open = partitions.find(({ from, to }) => from < next && next < to);
  const sealAfterMs = Math.min(DAY_MS, keepMs);
  const old = open?.oldest !== undefined && now.getTime() - open.oldest.getTime() > sealAfterMs;
  return { seal: old ? open : undefined, drop };
}

type Deps = {
  readonly db: Db;
  readonly log: Logger;
  readonly retentionDays: number;
  /** The groups that this release has; offsets of others hold nothing back. */
  readonly groups: () => readonly string[];
  /** Default: once an hour. */
  readonly everyMs?: number;
  readonly now?: () => Date;
};

/** Seals and drops partitions of the log by `LOG_RETENTION_DAYS`. */
export function retentionSchedule(deps: Deps): Schedule {
  return {
    name: 'log_retention',
    everyMs: deps.everyMs ?? 3_600_000,
    async run(signal) {
      for (const shard of ALL_SHARDS) {
        signal.throwIfAborted();
        // Each shard for itself, and again when the table was busy: the DDL waits two seconds for its lock at most.
        for (let attempt = 1; ; attempt++) {
          try {
            await keepUp(deps, shard);
            break;
          } catch (error) {
            if (attempt === 3) throw error;
            await delay(1000 * attempt, undefined, { signal });
          }
        }
      }
    },
  };
}

async function keepUp({ db, log, retentionDays, groups, now = () => new Date() }: Deps, shard: number): Promise<void> {
  const plan = async (read: Pick<Db['system'], 'all' | 'first'>) => {
    const state = await read.first(q.upkeepState(shard, groups()));
    if (!state) return undefined;
    const partitions = await read.all(q.partitionAges(shard));
    return planUpkeep(
      partitions.map((p) => ({
        from: p.from_position,
        to: p.to_position,
        oldest: p.oldest ?? undefined,
        newest: p.newest ?? undefined,
      })),
      { now: now(), keepMs: retentionDays * DAY_MS, next: state.next_position, consumedTo: state.consumed_to },
    );
  };
  const wish = await plan(db.system);
  if (!wish || (!wish.seal && wish.drop.length === 0)) return;
  await db.inSystemTx(async (tx) => {
    // The table first, then the plan anew: the sequencer takes its locks in this order too, and now stands still.
    await tx.run(q.waitTwoSeconds);
    await tx.run(q.lockLog);
    const { seal, drop } = (await plan(tx)) ?? { seal: undefined, drop: [] };
    const next = (await tx.first(q.upkeepState(shard, groups())))?.next_position ?? 0;
    if (seal) {
      await tx.run(q.sealPartition(shard, seal, next));
      await tx.run(q.recordSeal(shard, seal, next));
      log.info('sealed a partition of the log', { shard, position: next });
    }
    for (const { from, to } of drop) {
      await tx.run(q.dropPartition(shard, from));
      await tx.run(q.recordDrop(shard, from, to));
      log.info('dropped a partition of the log', { shard, position: to });
    }
  });
}
