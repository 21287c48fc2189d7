import type { Db } from '../db/queries.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LogEvent } from './define.ts';
import { createLoop, type Loop } from './loop.ts';
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
/**
 * How often the heads are looked at: for what a tail has lost, and for `lagMs`, which others trust below one second. While
 * the tail delivers, every other time.
 */
const POLL_MS = 250;

type Shard = { next: number; seen: number; horizon: number; recent: LogEvent[] };
/** Where the log stood at a moment: whoever has delivered as much is as current as that. */
type Mark = {
  readonly atMs: number;
  readonly heads: readonly { readonly shard: number; readonly next_position: number }[];
};
type Deps = {
  readonly db: Db;
  readonly tail: Tail;
  readonly types: EventTypes;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** The log went back behind what was delivered here: this process knows things that never were, and must start anew. */
  readonly onLost?: (error: Error) => void;
};

/** After a fail-over to a server that lacked the newest commits, or a restore below a running process. */
export class LogWentBack extends Error {
  constructor(shard: number, from: number, to: number) {
    super(
      `Shard ${shard} of the log ends at ${to}, and events up to ${from} were delivered: the database has lost them`,
    );
  }
}

export const createFeed = (deps: Deps): Feed => new LogFeed(deps);

class LogFeed implements Feed {
  readonly name = 'feed';
  readonly #d: Deps;
  readonly #log: Logger;
  readonly #filling: Loop;
  readonly #shards = new Map<number, Shard>();
  readonly #listeners = new Set<FeedListener>();
  #unfollow: (() => void)[] = [];
  #epoch = '';
  #polls = 0;
  #currentAtMs = Number.NEGATIVE_INFINITY;
  #mark: Mark | undefined;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#log = deps.log.child('feed');
    this.#filling = createLoop({
      pollMs: POLL_MS,
      run: () => this.#fill(),
      poll: () => this.#poll(),
      onError: (error) => this.#log.warn('could not read the log', { error }),
    });
    deps.metrics?.gauge({
      name: 'feed_lag_seconds',
      help: "Time since this process was last seen to be at the log's head.",
      collect: (gauge) => gauge.set(Math.min(1e6, this.lagMs() / 1000)),
    });
    deps.metrics?.gauge({
      name: 'feed_lag_events',
      help: 'Events of a shard that are known to be in the log and have not been delivered in this process.',
      labels: ['shard'],
      collect: (gauge) => {
        for (const [shard, { seen, next }] of this.#shards)
          gauge.labels(String(shard)).set(Math.max(0, seen - next + 1));
      },
    });
    deps.metrics?.gauge({
      name: 'log_position',
      help: 'The newest position of each shard that this process has delivered.',
      labels: ['shard'],
      collect: (gauge) => {
        for (const [shard, { next }] of this.#shards) gauge.labels(String(shard)).set(next - 1);
      },
    });
  }

  async start(): Promise<void> {
    const { db, tail } = this.#d;
    this.#epoch = (await db.system.first(q.logEpoch))?.epoch ?? '';
    // Followed first, then the heads are read: what comes between is either delivered or known to be missing.
    this.#unfollow = ALL_SHARDS.map((shard) => tail.follow(shard, (events) => this.#receive(shard, events)));
    for (const { shard, next_position, horizon } of await db.system.all(q.shardHeads))
      this.#shards.set(shard, { next: next_position, seen: next_position - 1, horizon, recent: [] });
    this.#currentAtMs = performance.now();
    this.#filling.start();
  }

  async stop(): Promise<void> {
    for (const stop of this.#unfollow) stop();
    this.#unfollow = [];
    await this.#filling.stop();
  }

  epoch(): string {
    return this.#epoch;
  }

  head(shard: number): number {
    return this.#stateOf(shard).next - 1;
  }

  horizon(shard: number): number {
    return this.#stateOf(shard).horizon;
  }

  lagMs(): number {
    this.#passMark();
    return performance.now() - this.#currentAtMs;
  }

  follow(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  recent(shard: number, after: number): readonly LogEvent[] | undefined {
    const { next, recent } = this.#stateOf(shard);
    if (after + 1 >= next) return [];
    const first = recent[0];
    if (first === undefined || first.position > after + 1) return undefined;
    return recent.slice(after + 1 - first.position);
  }

  async read(shard: number, after: number, limit: number): Promise<readonly LogEvent[]> {
    const known = this.recent(shard, after);
    return known === undefined ? this.#readLog(shard, after, limit) : known.slice(0, limit);
  }

  async caughtUp(): Promise<void> {
    if (await this.#look()) this.#filling.nudge();
    await this.#filling.idle();
  }

  #stateOf(shard: number): Shard {
    const state = this.#shards.get(shard);
    if (state === undefined) throw new Error('The feed has not been started');
    return state;
  }

  async #readLog(shard: number, after: number, limit: number): Promise<LogEvent[]> {
    const rows = await this.#d.db.system.all(q.readShard(shard, after, limit));
    return rows.map((row) => this.#d.types.read(row, this.#epoch));
  }

  /** The rule of tails: the next position is taken, a smaller one dropped, and for a larger one the log is read. */
  #receive(shard: number, events: readonly LogEvent[]): void {
    const state = this.#shards.get(shard);
    if (state === undefined) return;
    const fresh = events.filter(({ position }) => position >= state.next);
    const gap = fresh.findIndex(({ position }, i) => position !== state.next + i);
    this.#deliver(shard, state, gap < 0 ? fresh : fresh.slice(0, gap));
    state.seen = Math.max(state.seen, fresh.at(-1)?.position ?? 0);
    if (state.seen >= state.next) this.#filling.nudge();
  }

  #deliver(shard: number, state: Shard, events: readonly LogEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    state.next = last.position + 1;
    state.recent.push(...events);
    if (state.recent.length > 2 * RECENT) state.recent = state.recent.slice(-RECENT);
    for (const listener of this.#listeners) listener(shard, events);
  }

  /** Reads from the log what is known to be there and has not been delivered. */
  async #fill(): Promise<void> {
    for (const [shard, state] of this.#shards) {
      while (state.seen >= state.next) {
        const from = state.next;
        const events = await this.#readLog(shard, from - 1, PAGE);
        // The tail may have delivered some of them while they were read.
        const fresh = events.filter(({ position }) => position >= state.next);
        this.#deliver(shard, state, fresh);
        if (events.length > 0) continue;
        this.#log.error('the log has lost events that were announced', { shard, position: from });
        state.next = state.seen + 1;
        state.recent = [];
      }
    }
  }

  async #poll(): Promise<boolean> {
    return this.#polls++ % 2 === 1 && this.#d.tail.alive() ? false : this.#look();
  }

  async #wentBack(error: LogWentBack): Promise<never> {
    await this.#d.db.system.run(q.nextEpoch(this.#epoch));
    this.#d.onLost?.(error);
    throw error;
  }

  /**
   * While events come, a look nearly always finds one that is still on its way. So it is not asked whether the feed was
   * at the head then, but whether it has come there since. One mark at a time: newer ones would never be reached by a
   * feed that is a little late all the time.
   */
  #passMark(): void {
    const mark = this.#mark;
    if (mark === undefined || mark.heads.some(({ shard, next_position }) => this.#stateOf(shard).next < next_position))
      return;
    this.#currentAtMs = mark.atMs;
    this.#mark = undefined;
  }

  /** Where the log stands; answers whether this feed is behind it. */
  async #look(): Promise<boolean> {
    const begun = performance.now();
    // What is delivered while the question is on its way may be newer than the answer.
    const known = new Map([...this.#shards].map(([shard, { next }]) => [shard, next]));
    let behind = false;
    const heads = await this.#d.db.system.all(q.shardHeads);
    for (const { shard, next_position, horizon } of heads) {
      const state = this.#stateOf(shard);
      const next = known.get(shard) ?? 0;
      if (next_position < next) await this.#wentBack(new LogWentBack(shard, next - 1, next_position - 1));
      state.horizon = horizon;
      state.seen = Math.max(state.seen, next_position - 1);
      behind ||= state.seen >= state.next;
    }
    this.#passMark();
    this.#mark ??= { atMs: begun, heads };
    return behind;
  }
}
