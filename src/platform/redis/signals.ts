import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Redis, RedisClient } from './redis.ts';

/**
 * `events`: shards with something in the outbox. `jobs`: kinds that have become due. `leases`: something was given back.
 * `live`: streams whose state somebody wants to know, as `tenant stream`.
 */
export type Topic = 'events' | 'jobs' | 'leases' | 'live';

/**
 * What processes tell one another at once, and would find out by themselves a quarter of a second later: hints, which may
 * be lost. Not heard by the process that tells.
 */
export interface Signals extends Service {
  /** What is told in one turn of the event loop travels together, each item once. Never waits, never throws. */
  tell(topic: Topic, item: string): void;
  /** Before `start`. */
  listen(topic: Topic, listener: (items: readonly string[]) => void): void;
}

/** A connection that hears nothing for so long asks whether somebody is there. */
const PING_MS = 2_000;
/** Told in one turn of the event loop. Whoever misses one finds out by itself. */
const MAX_ITEMS = 500;

export function createSignals({ redis, log, self }: { redis: Redis; log: Logger; self: string }): Signals {
  return new PubSubSignals(redis, log.child('signals'), self);
}

class PubSubSignals implements Signals {
  readonly name = 'signals';
  readonly #redis: Redis;
  readonly #log: Logger;
  readonly #self: string;
  readonly #listeners = new Map<Topic, ((items: readonly string[]) => void)[]>();
  #waiting = new Map<Topic, Set<string>>();
  #flushing: NodeJS.Immediate | undefined;
  #subscriber: RedisClient | undefined;
  #ping: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(redis: Redis, log: Logger, self: string) {
    this.#redis = redis;
    this.#log = log;
    this.#self = self;
  }

  async start(): Promise<void> {
    if (this.#stopped || this.#subscriber || this.#listeners.size === 0) return;
    const topics = new Map([...this.#listeners.keys()].map((topic) => [this.#redis.key('signals', topic), topic]));
    const subscriber = this.#redis.connection('signals');
    this.#subscriber = subscriber;
    subscriber.on('message', (channel, text) => this.#hear(topics.get(channel), text));
    const subscribe = () =>
      subscriber
        .subscribe(...topics.keys())
        .catch((error: unknown) => this.#log.debug('could not subscribe', { error }));
    if (subscriber.status === 'ready') await subscribe();
    subscriber.on('ready', subscribe);
    // Without it a connection whose other end has vanished would be silent for ever.
    this.#ping = setInterval(() => void subscriber.ping().catch(() => {}), PING_MS);
  }

  async stop(): Promise<void> {
    this.#flush();
    this.#stopped = true;
    clearInterval(this.#ping);
    this.#subscriber?.disconnect();
  }

  tell(topic: Topic, item: string): void {
    if (this.#stopped) return;
    const items = this.#waiting.get(topic) ?? new Set();
    if (items.size === 0) this.#waiting.set(topic, items);
    if (items.size < MAX_ITEMS) items.add(item);
    this.#flushing ??= setImmediate(() => this.#flush());
  }

  listen(topic: Topic, listener: (items: readonly string[]) => void): void {
    this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), listener]);
  }

  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#redis.state() === 'connected')
      for (const [topic, items] of this.#waiting)
        this.#redis.commands
          .publish(this.#redis.key('signals', topic), JSON.stringify([this.#self, ...items]))
          .catch((error: unknown) => this.#log.debug('could not tell others', { error }));
    // A new one, not an emptied one: see `cache-redis.ts`.
    this.#waiting = new Map();
  }

  #hear(topic: Topic | undefined, text: string): void {
    try {
      const [from, ...items] = JSON.parse(text) as string[];
      if (topic === undefined || from === this.#self || this.#stopped) return;
      for (const listener of this.#listeners.get(topic) ?? []) listener(items);
    } catch (error) {
      this.#log.warn('a signal cannot be read', { error });
    }
  }
}
