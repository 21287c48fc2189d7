import type { Backoff } from '../../lib/backoff.ts';
import { createSemaphore } from '../../lib/semaphore.ts';
import type { Db } from '../db/queries.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import type { Keeping, Lease, Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracer } from '../telemetry/trace.ts';
import type { Consumer } from './consumer.ts';
import { consumerMeter } from './consumer-metrics.ts';
import type { Feed } from './feed.ts';
import { Lane } from './lane.ts';
import { createLoop, type Loop } from './loop.ts';
import type { EventTypes } from './registry.ts';
import { ALL_SHARDS } from './shards.ts';
import * as q from './sql.ts';

export interface Dispatch extends Service {
  readonly groups: readonly string[];
  /** How many shards of a group are held here. */
  lanes(): number;
  /** Resolves when every group held here has seen the whole log, as far as the feed has come. */
  idle(): Promise<void>;
}

type Deps = {
  readonly db: Db;
  readonly leases: Leases;
  readonly feed: Feed;
  readonly types: EventTypes;
  readonly consumers: readonly Consumer[];
  readonly deadLetters: DeadLetters;
  readonly tracer: Tracer;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Between the tries of an event. Default 100 ms to 5 s. */
  readonly backoff?: Backoff;
};

/** Handlers that run at once in this process, of all groups: each takes one of the pool's connections. */
const HANDLERS = 6;
const POLL_MS = 250;
/** How often offsets are saved and requeued letters looked for, in polls. */
const SAVE_EVERY = 4;
const BACKOFF: Backoff = { baseMs: 100, capMs: 5000 };
/** How long events under way may go on after a stop. */
const DRAIN_MS = 3000;

export const createDispatch = (deps: Deps): Dispatch => new LaneDispatch(deps);

type Place = { readonly consumer: Consumer; readonly shard: number };

const leaseName = (group: string, shard: number) => `consumer/${group}/${shard}`;

/**
 * Brings the log to the consumers: each group and shard is a lane, held by one process under a lease. Offsets are
 * saved once a second, not after each event; the inbox knows what lies between.
 */
class LaneDispatch implements Dispatch {
  readonly name = 'dispatch';
  readonly groups: readonly string[];
  readonly #d: Deps;
  readonly #log: Logger;
  readonly #loop: Loop;
  readonly #meters: ReturnType<typeof consumerMeter>;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #lanes = new Map<string, { lane: Lane; lease: Lease }>();
  readonly #slot = createSemaphore(HANDLERS);
  #keeping: Keeping | undefined;
  #unfollow = () => {};
  #polls = 0;
  #stopping = false;
  #requeued = false;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#log = deps.log.child('dispatch');
    this.groups = deps.consumers.map(({ group }) => group);
    if (new Set(this.groups).size < this.groups.length) throw new Error('Two consumers have the same group');
    this.#places = new Map(
      deps.consumers.flatMap((consumer) =>
        ALL_SHARDS.map((shard) => [leaseName(consumer.group, shard), { consumer, shard }] as const),
      ),
    );
    this.#meters = consumerMeter(deps.metrics, this.groups, () => this.#open());
    this.#loop = createLoop({
      pollMs: POLL_MS,
      run: () => this.#round(),
      poll: () => this.#poll(),
      onError: (error) => this.#log.warn('could not bring events to consumers', { error }),
    });
    deps.deadLetters.onRequeued(() => {
      this.#requeued = true;
      this.#loop.nudge();
    });
  }

  async start(): Promise<void> {
    if (this.#stopping || this.#keeping || this.groups.length === 0) return;
    await this.#d.db.system.run(q.enterGroups(this.groups));
    this.#unfollow = this.#d.feed.follow(() => this.#loop.nudge());
    this.#loop.start();
    this.#keeping = this.#d.leases.keep([...this.#places.keys()], (lease) => this.#won(lease));
    await this.#keeping.tried;
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#unfollow();
    await this.#loop.stop();
    for (const lane of this.#open()) lane.close();
    // Others go on with each shard as soon as they can: a slow handler keeps its own waiting, and no other.
    const lanes = [...this.#lanes].map(([name, { lane }]) => ({ name, lane }));
    const [calm, busy] = [lanes.filter(({ lane }) => !lane.busy), lanes.filter(({ lane }) => lane.busy)];
    await this.#giveBack(calm.map(({ name }) => name));
    const ends = busy.map(({ name, lane }) => lane.calm().then(() => this.#giveBack([name])));
    const ended = Promise.allSettled(ends).then(() => {});
    await inTime(ended, Math.min(DRAIN_MS, deadlineMs / 2));
    for (const lane of this.#open()) lane.close(true);
    await inTime(ended, deadlineMs / 4);
    await this.#giveBack();
    this.#keeping = undefined;
  }

  async #giveBack(names?: readonly string[]): Promise<void> {
    await this.#save().catch((error: unknown) => this.#log.warn('could not save offsets', { error }));
    await this.#keeping?.release(names);
  }

  lanes(): number {
    return this.#open().filter((lane) => !lane.closed).length;
  }

  async idle(): Promise<void> {
    for (;;) {
      await this.#loop.idle();
      const busy = this.#open().filter((lane) => !lane.closed && (lane.lag > 0 || lane.hungry || lane.busy));
      if (busy.length === 0 && !this.#requeued) return;
      await Promise.all(busy.map((lane) => lane.calm()));
      this.#loop.nudge();
    }
  }

  #open(): Lane[] {
    return [...this.#lanes.values()].map(({ lane }) => lane);
  }

  #won(lease: Lease): void {
    lease.signal.addEventListener('abort', () => {
      if (this.#lanes.get(lease.name)?.lease === lease) this.#lanes.delete(lease.name);
    });
    this.#begin(lease);
  }

  #begin(lease: Lease): void {
    const place = this.#places.get(lease.name);
    if (place === undefined || this.#stopping || lease.signal.aborted) return;
    const { group } = place.consumer;
    const meter = this.#meters(group);
    const lane = new Lane({
      ...this.#d,
      ...place,
      lease,
      log: this.#log,
      slot: this.#slot,
      retry: {
        backoff: this.#d.backoff ?? BACKOFF,
        onRetry: (error, failures, delayMs) => {
          meter.retried();
          this.#log.info('an event will be tried again', { group, attempt: failures, delay_ms: delayMs, error });
        },
      },
      onProgress: () => this.#loop.nudge(),
      meter: {
        ...meter,
        buried: () => {
          meter.buried();
          this.#d.deadLetters.count('event', group);
        },
      },
    });
    this.#lanes.set(lease.name, { lane, lease });
    this.#loop.nudge();
  }

  async #round(): Promise<void> {
    if (this.#requeued) await this.#drainRequeued();
    for (const lane of this.#open()) if (lane.hungry) await lane.pump();
  }

  async #poll(): Promise<boolean> {
    if (this.#polls++ % SAVE_EVERY === 0 && this.#lanes.size > 0) {
      await this.#save();
      this.#requeued = true;
      // A lane that ended although its lease is still ours (the database was away) begins anew.
      for (const { lane, lease } of [...this.#lanes.values()]) if (lane.closed) this.#begin(lease);
    }
    return this.#requeued || this.#open().some((lane) => lane.hungry);
  }

  async #save(): Promise<void> {
    const seen = this.#open().flatMap((lane) => (lane.unsaved ? [{ lane, unsaved: lane.unsaved }] : []));
    if (seen.length === 0) return;
    await this.#d.db.system.run(q.saveOffsets(seen.map(({ unsaved }) => unsaved)));
    for (const { lane, unsaved } of seen) lane.saved(unsaved.position);
  }

  async #drainRequeued(): Promise<void> {
    this.#requeued = false;
    const places = this.#open().map(({ group, shard }) => ({ group, shard }));
    if (places.length === 0) return;
    for (const { group_name, shard, ...key } of await this.#d.db.system.all(q.requeuedKeys(places)))
      this.#lanes.get(leaseName(group_name, shard))?.lane.drain(key);
  }
}

/** Resolves with the work, or when its time is over. */
async function inTime(work: Promise<void>, withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
