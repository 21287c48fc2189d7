import type { Db } from '../db/queries.ts';
import type { Keeping, Lease, Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Redis } from '../redis/redis.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LogEvent } from './define.ts';
import type { Feed } from './feed.ts';
import { createLoop, type Loop } from './loop.ts';
import type { EventTypes } from './registry.ts';
import { ALL_SHARDS } from './shards.ts';
import * as q from './sql.ts';

type Deps = {
  readonly db: Db;
  readonly redis: Redis;
  readonly leases: Leases;
  readonly feed: Feed;
  readonly types: EventTypes;
  readonly log: Logger;
  readonly metrics?: Metrics;
};

export interface Topics extends Service {
  /** Resolves when everything that the feed has delivered is written, or cannot be for now. */
  idle(): Promise<void>;
}

/** Whose offsets these are, beside those of the consumers. */
const GROUP = 'topics';
/** Entries kept of each topic, about. */
const KEPT = 10_000;
const BATCH = 200;
const POLL_MS = 1_000;

/**
 * Writes events to their topics, unless a newer holder of the shard has written a minute ago or less: one who was paused,
 * and does not know yet that another took over, writes nothing.
 */
const WRITE = `
local newest = tonumber(redis.call('get', KEYS[1]) or '0')
local fence = tonumber(ARGV[1])
if newest > fence then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'EX', 60)
for i = 3, #ARGV, 5 do
  redis.call('xadd', KEYS[tonumber(ARGV[i])], 'MAXLEN', '~', ARGV[2], '*',
    'id', ARGV[i + 1], 'type', ARGV[i + 2], 'tenant', ARGV[i + 3], 'event', ARGV[i + 4])
end
return 1`;

type Held = { readonly lease: Lease; position: number; saved: number };

/**
 * Offers the log to outside consumers, with groups of their own: each topic is a Redis Stream, limited in length. Every
 * shard is brought over by one process, in its order, from an offset that is saved after the events were written: at
 * least once, and again those of the last second when that process dies.
 */
export const createTopics = (deps: Deps): Topics => new TopicWriter(deps);

class TopicWriter implements Topics {
  readonly name = 'topics';
  readonly #d: Deps;
  readonly #log: Logger;
  readonly #loop: Loop;
  readonly #held = new Map<number, Held>();
  readonly #written: { inc(count: number): void } | undefined;
  #topics: ReadonlyMap<string, string> = new Map();
  #keeping: Keeping | undefined;
  #unfollow = () => {};

  constructor(deps: Deps) {
    this.#d = deps;
    this.#log = deps.log.child('topics');
    this.#written = deps.metrics?.counter({
      name: 'topic_events_total',
      help: 'Events written to the Redis Streams that outside consumers read.',
    });
    this.#loop = createLoop({
      pollMs: POLL_MS,
      run: () => this.#round(),
      // The next look finds what could not be written now; the log has it.
      onError: (error) => this.#log.debug('could not write to the topics', { error }),
    });
  }

  async start(): Promise<void> {
    const { db, leases, feed, types } = this.#d;
    this.#topics = new Map(types.all().map(({ type, topic }) => [type, topic]));
    await db.system.run(q.enterGroups([GROUP]));
    const shards = new Map(ALL_SHARDS.map((shard) => [`topics/${shard}`, shard]));
    this.#unfollow = feed.follow(() => this.#loop.nudge());
    this.#loop.start();
    this.#keeping = leases.keep([...shards.keys()], (lease) => void this.#won(shards.get(lease.name) as number, lease));
    await this.#keeping.tried;
  }

  async stop(): Promise<void> {
    this.#unfollow();
    await this.#loop.stop();
    await this.#save().catch((error: unknown) => this.#log.warn('could not save the offsets of topics', { error }));
    await this.#keeping?.release();
    this.#keeping = undefined;
  }

  idle(): Promise<void> {
    return this.#loop.idle();
  }

  async #won(shard: number, lease: Lease): Promise<void> {
    try {
      const place = await this.#d.db.system.first(q.takePlace(GROUP, shard, lease.fence));
      if (place === undefined || lease.signal.aborted) return;
      this.#held.set(shard, { lease, position: place.position, saved: place.position });
      this.#loop.nudge();
    } catch (error) {
      this.#log.warn('could not take over the topics of a shard', { shard, error });
    }
  }

  async #round(): Promise<void> {
    for (const [shard, held] of this.#held) {
      if (held.lease.signal.aborted) this.#held.delete(shard);
      else await this.#bring(shard, held);
    }
    await this.#save();
  }

  async #bring(shard: number, held: Held): Promise<void> {
    const { feed, redis } = this.#d;
    while (held.position < feed.head(shard) && redis.state() === 'connected') {
      const events = await feed.read(shard, held.position, BATCH);
      const last = events.at(-1);
      if (last === undefined || held.lease.signal.aborted) return;
      // Somebody else writes: if this is still the newest holder, as after a restore, the next look gets through.
      if (!(await this.#write(shard, held.lease.fence, events))) return;
      held.position = last.position;
      this.#written?.inc(events.length);
    }
  }

  async #write(shard: number, fence: number, events: readonly LogEvent[]): Promise<boolean> {
    const { redis } = this.#d;
    const keys = [redis.key('topics', shard)];
    const args: (string | number)[] = [];
    for (const event of events) {
      const key = redis.publicKey('topics', this.#topics.get(event.type) ?? (event.stream.split('/', 1)[0] as string));
      const known = keys.indexOf(key) + 1;
      const index = known > 0 ? known : keys.push(key);
      args.push(index, event.id, event.type, event.tenantid, JSON.stringify(event));
    }
    return (await redis.commands.eval(WRITE, keys.length, ...keys, fence, KEPT, ...args)) === 1;
  }

  async #save(): Promise<void> {
    const unsaved = [...this.#held].filter(([, { position, saved }]) => position > saved);
    if (unsaved.length === 0) return;
    const seen = unsaved.map(([shard, { lease, position }]) => ({ group: GROUP, shard, fence: lease.fence, position }));
    await this.#d.db.system.run(q.saveOffsets(seen));
    for (const [i, [, held]] of unsaved.entries()) held.saved = (seen[i] as q.SeenTo).position;
  }
}
