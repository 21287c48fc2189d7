import { timeOf } from '../../lib/ids.ts';
import type { Db } from '../db/queries.ts';
import type { Announcements } from '../events/announcements.ts';
import type { Feed } from '../events/feed.ts';
import type { EventTypes } from '../events/registry.ts';
import { shardOf } from '../events/shards.ts';
import { readTenant } from '../events/sql.ts';
import type { Service } from '../lifecycle.ts';
import type { Signals } from '../redis/signals.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createCatchUp } from './catch-up.ts';
import { type ResetReason, SSE, type Wire, writtenOnce } from './frames.ts';
import type { Addressed, Cursor, Hub, LiveFrame, LiveTopic, LogEvent, Subscription } from './hub.ts';
import { createOrdering, type Live, type Ordering } from './ordering.ts';
import type { Relay } from './relay.ts';

type Deps = {
  readonly db: Db;
  readonly feed: Feed;
  readonly types: EventTypes;
  readonly announcements: Announcements;
  /** To the other processes, and what is asked of them. Absent where there are none. */
  readonly relay?: Relay | undefined;
  readonly signals?: Signals | undefined;
  readonly metrics?: Metrics;
};

type Subscriber = {
  readonly subscription: Subscription;
  readonly wire: Wire;
  /** Everything up to here has been sent, or is not wanted. */
  position: number;
  closed: boolean;
};

/** The hub of this process. It follows the feed once, however many subscribers there are. */
export function createHub(deps: Deps): Hub & Service {
  return new Fanout(deps);
}

/** An event that is older than that has been delivered, or waits for something that takes longer than a frame may be held. */
const SETTLED_MS = 2_000;

const topicOf = (stream: string) => stream.split('/', 1)[0] as string;
const streamKey = (tenantId: string, stream: string) => `${tenantId}/${stream}`;

class Fanout implements Hub {
  readonly name = 'hub';
  readonly #db: Db;
  readonly #feed: Feed;
  readonly #types: EventTypes;
  readonly #announcements: Announcements;
  /** All, also those that are still being filled; by tenant, for `revoke`. */
  readonly #members = new Map<string, Set<Subscriber>>();
  /** Who flows live: by stream, and those who follow everything, by tenant. Never scanned. */
  readonly #byStream = new Map<string, Set<Subscriber>>();
  readonly #byTenant = new Map<string, Set<Subscriber>>();
  readonly #taps = new Map<string, Set<(event: LogEvent) => void>>();
  readonly #topics = new Map<string, LiveTopic>();
  readonly #ordering: Ordering;
  readonly #relay: Relay | undefined;
  readonly #signals: Signals | undefined;
  readonly #fill = createCatchUp<Subscriber>({
    head: (tenantId) => this.#feed.head(shardOf(tenantId)),
    read: async (range) =>
      (await this.#db.system.all(readTenant(range))).map((row) => this.#types.read(row, this.#feed.epoch())),
    send: (event, to) => {
      const encoded = writtenOnce((wire) => wire.event(event));
      for (const subscriber of to) this.#sendEvent(subscriber, event, encoded);
    },
  });
  #unfollow: (() => void)[] = [];
  #stopped = false;

  constructor({ db, feed, types, announcements, relay, signals, metrics }: Deps) {
    this.#db = db;
    this.#feed = feed;
    this.#types = types;
    this.#announcements = announcements;
    this.#relay = relay;
    this.#signals = signals;
    this.#ordering = createOrdering((key, live) => this.#sendLive(key, live));
    signals?.listen('live', (asked) => {
      for (const one of asked) this.#answer(one);
    });
    metrics?.gauge({
      name: 'hub_subscribers',
      help: 'Subscribers of the live log in this process.',
      collect: (gauge) => gauge.set([...this.#members.values()].reduce((sum, members) => sum + members.size, 0)),
    });
  }

  async start(): Promise<void> {
    if (this.#stopped || this.#unfollow.length > 0) return;
    this.#unfollow = [
      this.#feed.follow((shard, events) => {
        for (const event of events) {
          this.#deliver(event);
          this.#relay?.reached(shard, event.position);
        }
      }),
      this.#announcements.listen((events) => {
        for (const { id, tenantId, stream } of events) this.#ordering.expect(id, streamKey(tenantId, stream));
      }),
    ];
    this.#relay?.start((frame) => this.#hear(frame));
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#stopped = true;
    for (const stop of this.#unfollow) stop();
    this.#unfollow = [];
    this.#ordering.clear();
    this.#relay?.stop();
    for (const members of [...this.#members.values()])
      for (const subscriber of [...members]) this.#end(subscriber, 'stopping');
  }

  async subscribe(subscription: Subscription): Promise<{ close(): void }> {
    const subscriber: Subscriber = { subscription, wire: subscription.wire ?? SSE, position: 0, closed: false };
    if (this.#stopped) {
      subscriber.closed = true;
      subscription.onEnd('stopping', subscription.from ?? (await this.cursor(subscription.tenantId)));
      return { close: () => {} };
    }
    addTo(this.#members, subscription.tenantId, subscriber);
    try {
      await this.#place(subscriber);
      while (!this.#joined(subscriber)) {
        // Before its turn: one that does not read must not hold up the others.
        await subscription.drained?.();
        await this.#fill(subscriber);
      }
    } catch (error) {
      this.#remove(subscriber);
      throw error;
    }
    return { close: () => this.#remove(subscriber) };
  }

  /** Where it begins: at its cursor, or at the head with a `reset` when that cursor cannot be continued. */
  async #place(subscriber: Subscriber): Promise<void> {
    const { from, tenantId } = subscriber.subscription;
    const shard = shardOf(tenantId);
    let reason: ResetReason | undefined;
    if (from === undefined) {
      subscriber.position = this.#feed.head(shard);
      return;
    }
    // Another process may have been ahead of this one's feed when it gave the cursor out.
    if (from.position > this.#feed.head(shard)) await this.#feed.caughtUp();
    if (from.epoch !== this.#feed.epoch()) reason = 'epoch_changed';
    else if (from.position > this.#feed.head(shard)) reason = 'ahead';
    else if (from.position + 1 < this.#feed.horizon(shard)) reason = 'trimmed';
    subscriber.position = reason ? this.#feed.head(shard) : from.position;
    if (reason) {
      const { wire, subscription } = subscriber;
      this.#send(subscriber, wire.reset(subscription.streams?.[0], this.#at(subscriber), reason));
    }
  }

  /**
   * Joins the live flow if everything up to the feed's position has been sent. Both happen in one turn of the event
   * loop, so that nothing is missed between and nothing sent twice, and no event has to wait in a buffer.
   */
  #joined(subscriber: Subscriber): boolean {
    if (subscriber.closed) return true;
    const { wire } = subscriber;
    const { tenantId, streams, onJoin } = subscriber.subscription;
    const recent = this.#feed.recent(shardOf(tenantId), subscriber.position);
    if (recent === undefined) return false;
    for (const event of recent) {
      if (event.tenantid === tenantId && (streams === undefined || streams.includes(event.stream)))
        this.#sendEvent(subscriber, event, (to) => to.event(event));
    }
    subscriber.position = Math.max(subscriber.position, this.#feed.head(shardOf(tenantId)));
    for (const frame of onJoin?.() ?? [])
      if (wants(subscriber, frame.event)) this.#send(subscriber, wire.live(streams?.[0] ?? '', frame));
    if (subscriber.closed) return true;
    if (streams === undefined) addTo(this.#byTenant, tenantId, subscriber);
    else for (const stream of streams) addTo(this.#byStream, streamKey(tenantId, stream), subscriber);
    return true;
  }

  #deliver(event: LogEvent): void {
    const key = streamKey(event.tenantid, event.stream);
    const encoded = writtenOnce((to) => to.event(event));
    for (const subscriber of this.#byStream.get(key) ?? []) this.#sendEvent(subscriber, event, encoded);
    for (const subscriber of this.#byTenant.get(event.tenantid) ?? []) this.#sendEvent(subscriber, event, encoded);
    this.#ordering.arrived(event.id, key);
    for (const tap of this.#taps.get(event.type) ?? []) tap(event);
  }

  #sendEvent(subscriber: Subscriber, event: LogEvent, encoded: (wire: Wire) => Buffer): void {
    if (event.position <= subscriber.position) return;
    subscriber.position = event.position;
    if (wants(subscriber, event.type)) this.#send(subscriber, encoded(subscriber.wire));
  }

  publish(tenantId: string, stream: string, frame: LiveFrame): void {
    this.#ordering.pass(streamKey(tenantId, stream), { tenantId, stream, frame });
  }

  expect(tenantId: string, stream: string, eventId: string): void {
    const sinceMs = Date.now() - timeOf(eventId);
    if (this.#relay && sinceMs < SETTLED_MS) this.#ordering.expect(eventId, streamKey(tenantId, stream));
  }

  across(topic: string, live: LiveTopic): void {
    this.#topics.set(topic, live);
  }

  ask(tenantId: string, stream: string): void {
    this.#signals?.tell('live', `${tenantId} ${stream}`);
  }

  #answer(asked: string): void {
    const [tenantId = '', stream = ''] = asked.split(' ');
    const frame = this.#topics.get(topicOf(stream))?.state(tenantId, stream);
    if (frame === undefined) return;
    this.#ordering.pass(streamKey(tenantId, stream), { tenantId, stream, frame, othersOnly: true });
  }

  #hear({ tenantId, stream, event, data }: Addressed): void {
    const topic = this.#topics.get(topicOf(stream));
    if (topic && !topic.heard({ tenantId, stream, event, data })) return;
    this.#sendHere(streamKey(tenantId, stream), { tenantId, stream, frame: { event, data } });
  }

  #sendLive(key: string, { tenantId, stream, frame, othersOnly }: Live): void {
    if (!othersOnly) this.#sendHere(key, { tenantId, stream, frame });
    this.#relay?.pass({ tenantId, stream, event: frame.event, data: frame.data });
  }

  #sendHere(key: string, { tenantId, stream, frame }: Omit<Live, 'othersOnly'>): void {
    const encoded = writtenOnce((to) => to.live(stream, frame));
    for (const subscribers of [this.#byStream.get(key), this.#byTenant.get(tenantId)]) {
      for (const subscriber of subscribers ?? []) {
        if (wants(subscriber, frame.event)) this.#send(subscriber, encoded(subscriber.wire));
      }
    }
  }

  #send(subscriber: Subscriber, frame: Buffer): void {
    if (!subscriber.closed && !subscriber.subscription.sink(frame)) this.#end(subscriber, 'slow');
  }

  async cursor(tenantId: string): Promise<Cursor> {
    return { epoch: this.#feed.epoch(), position: this.#feed.head(shardOf(tenantId)) };
  }

  revoke({ tenantId, actorId, sessionId }: { tenantId: string; actorId?: string; sessionId?: string }): void {
    for (const subscriber of [...(this.#members.get(tenantId) ?? [])]) {
      const { subscription } = subscriber;
      if (actorId !== undefined && subscription.actorId !== actorId) continue;
      if (sessionId !== undefined && subscription.sessionId !== sessionId) continue;
      this.#end(subscriber, 'revoked');
    }
  }

  tap(types: readonly string[], fn: (event: LogEvent) => void): () => void {
    for (const type of types) addTo(this.#taps, type, fn);
    return () => {
      for (const type of types) removeFrom(this.#taps, type, fn);
    };
  }

  lagMs(): number {
    return this.#feed.lagMs();
  }

  connections(tenantId: string): number {
    let count = 0;
    for (const { subscription } of this.#members.get(tenantId) ?? []) if (subscription.counts !== false) count += 1;
    return count;
  }

  #end(subscriber: Subscriber, reason: 'slow' | 'revoked' | 'stopping'): void {
    if (subscriber.closed) return;
    this.#remove(subscriber);
    subscriber.subscription.onEnd(reason, this.#at(subscriber));
  }

  #at({ position }: Subscriber): Cursor {
    return { epoch: this.#feed.epoch(), position };
  }

  #remove(subscriber: Subscriber): void {
    subscriber.closed = true;
    const { tenantId, streams } = subscriber.subscription;
    removeFrom(this.#members, tenantId, subscriber);
    removeFrom(this.#byTenant, tenantId, subscriber);
    for (const stream of streams ?? []) removeFrom(this.#byStream, streamKey(tenantId, stream), subscriber);
  }
}

const wants = ({ subscription: { types } }: Subscriber, event: string) => types === undefined || types.includes(event);

function addTo<T>(sets: Map<string, Set<T>>, key: string, member: T): void {
  const set = sets.get(key);
  if (set) set.add(member);
  else sets.set(key, new Set([member]));
}

function removeFrom<T>(sets: Map<string, Set<T>>, key: string, member: T): void {
  const set = sets.get(key);
  if (set?.delete(member) && set.size === 0) sets.delete(key);
}
