import type { Db } from '../db/queries.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LogEvent } from './define.ts';
import { createLoop } from './loop.ts';
import type { EventTypes } from './registry.ts';
import { ALL_SHARDS } from './shards.ts';
import * as q from './sql.ts';
import type { Tail } from './tail.ts';

export type FeedListener = (shard: number, events: readonly LogEvent[]) => void;

/** The log as this process follows it: every shard once, in order, without a hole, from the start of the process on. */
export interface Feed extends Service {
  /** The log's epoch. Empty before `start`. */
  epoch(): string;
  /** The newest position that has been delivered here. */
  head(shard: number): number;
  /** The first position that is still kept, as of the last look (half a second ago at most). */
  horizon(shard: number): number;
  /** Milliseconds since the feed was last seen to be at the log's head; Infinity before that. */
  lagMs(): number;
  /** Calls `listener` with each next run of events. It must not throw. Answers how to stop. */
  follow(listener: FeedListener): () => void;
  /** Up to `limit` of the shard's events after a position, from memory where they are recent, else from the log. */
  read(shard: number, after: number, limit: number): Promise<readonly LogEvent[]>;
  /** The shard's recent events after a position and up to `head`, or undefined when memory does not reach back so far. */
  recent(shard: number, after: number): readonly LogEvent[] | undefined;
  /** Resolves when everything that the log held at the call has been delivered. */
  caughtUp(): Promise<void>;
}

/** Recent events kept in memory, a shard. They serve consumers and subscribers that are only a little behind. */
const RECENT = 512;
const PAGE = 500;
/** How often the heads are looked at: for what a tail has lost, and for `lagMs`, which others trust below one second. */
const POLL_MS = 500;

type Shard = { next: number; seen: number; horizon: number; recent: LogEvent[] };
type Deps = {
  readonly db: Db;
  readonly tail: Tail;
  readonly types: EventTypes;
  readonly log: Logger;
  readonly metrics?: Metrics;
};

export function createFeed({ db, tail, types, log: parent, metrics }: Deps): Feed {
  const log = parent.child('feed');
  const shards = new Map<number, Shard>();
  const listeners = new Set<FeedListener>();
  let unfollow: (() => void)[] = [];
  let epoch = '';
  let currentAtMs = Number.NEGATIVE_INFINITY;

  metrics?.gauge({
    name: 'feed_lag_seconds',
    help: "Time since this process was last seen to be at the log's head.",
    collect: (gauge) => gauge.set(Math.min(1e6, (performance.now() - currentAtMs) / 1000)),
  });

  const stateOf = (shard: number): Shard => {
    const state = shards.get(shard);
    if (state === undefined) throw new Error('The feed has not been started');
    return state;
  };

  function deliver(shard: number, state: Shard, events: readonly LogEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    state.next = last.position + 1;
    state.recent.push(...events);
    if (state.recent.length > 2 * RECENT) state.recent = state.recent.slice(-RECENT);
    for (const listener of listeners) listener(shard, events);
  }

  /** The rule of tails: the next position is taken, a smaller one dropped, and for a larger one the log is read. */
  function receive(shard: number, events: readonly LogEvent[]): void {
    const state = shards.get(shard);
    if (state === undefined) return;
    const fresh = events.filter(({ position }) => position >= state.next);
    const gap = fresh.findIndex(({ position }, i) => position !== state.next + i);
    deliver(shard, state, gap < 0 ? fresh : fresh.slice(0, gap));
    state.seen = Math.max(state.seen, fresh.at(-1)?.position ?? 0);
    if (state.seen >= state.next) filling.nudge();
  }

  /** Reads from the log what is known to be there and has not been delivered. */
  async function fill(): Promise<void> {
    for (const [shard, state] of shards) {
      while (state.seen >= state.next) {
        const from = state.next;
        const rows = await db.system.all(q.readShard(shard, from - 1, PAGE));
        // The tail may have delivered some of them while they were read.
        const events = rows.filter(({ position }) => position >= state.next).map((row) => types.read(row, epoch));
        deliver(shard, state, events);
        if (rows.length === 0) {
          log.error('the log has lost events that were announced', { shard, position: from });
          state.next = state.seen + 1;
          state.recent = [];
        }
      }
    }
  }

  async function look(): Promise<boolean> {
    const begun = performance.now();
    let behind = false;
    for (const { shard, next_position, horizon } of await db.system.all(q.shardHeads)) {
      const state = stateOf(shard);
      state.horizon = horizon;
      state.seen = Math.max(state.seen, next_position - 1);
      behind ||= state.seen >= state.next;
    }
    if (!behind) currentAtMs = begun;
    return behind;
  }

  const filling = createLoop({
    pollMs: POLL_MS,
    run: fill,
    poll: look,
    onError: (error) => log.warn('could not read the log', { error }),
  });

  function recent(shard: number, after: number): readonly LogEvent[] | undefined {
    const state = stateOf(shard);
    if (after + 1 >= state.next) return [];
    const first = state.recent[0];
    if (first === undefined || first.position > after + 1) return undefined;
    return state.recent.slice(after + 1 - first.position);
  }

  return {
    name: 'feed',
    async start() {
      epoch = (await db.system.first(q.logEpoch))?.epoch ?? '';
      // Followed first, then the heads are read: what comes between is either delivered or known to be missing.
      unfollow = ALL_SHARDS.map((shard) => tail.follow(shard, (events) => receive(shard, events)));
      const heads = await db.system.all(q.shardHeads);
      for (const { shard, next_position, horizon } of heads)
        shards.set(shard, { next: next_position, seen: next_position - 1, horizon, recent: [] });
      currentAtMs = performance.now();
      filling.start();
    },
    async stop() {
      for (const stop of unfollow) stop();
      unfollow = [];
      await filling.stop();
    },
    epoch: () => epoch,
    head: (shard) => stateOf(shard).next - 1,
    horizon: (shard) => stateOf(shard).horizon,
    lagMs: () => performance.now() - currentAtMs,
    follow(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    recent,
    async read(shard, after, limit) {
      const known = recent(shard, after);
      if (known !== undefined) return known.slice(0, limit);
      const rows = await db.system.all(q.readShard(shard, after, limit));
      return rows.map((row) => types.read(row, epoch));
    },
    async caughtUp() {
      if (await look()) filling.nudge();
      await filling.idle();
    },
  };
}
