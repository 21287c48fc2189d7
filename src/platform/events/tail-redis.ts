import { setTimeout as delay } from 'node:timers/promises';
import { uuidv7 } from '../../lib/ids.ts';
import type { Redis, RedisClient } from '../redis/redis.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LogEvent } from './define.ts';
import { createListeners } from './listeners.ts';
import { ALL_SHARDS } from './shards.ts';
import type { Passing, PassingListener, Tail, TailListener } from './tail.ts';

type Deps = { readonly redis: Redis; readonly log: Logger; readonly metrics?: Metrics };

/** Entries kept of each shard, about. Whoever is further behind than that reads the log. */
const KEPT = 1_000;
/** One entry carries what was handed over in one turn of the event loop, up to so many characters. */
const ENTRY_CHARS = 32_768;
/** Entries on their way to Redis. Beyond that they are lost: the log has the events. */
const MAX_PENDING = 5_000;
const BLOCK_MS = 1_000;
const READ_COUNT = 200;
/** Between the tries to read, where Redis refuses: 50 ms to 1 s. */
const RETRY = { baseMs: 50, capMs: 1_000 };

/** `e`: events, `l`: what is live only. */
type Kind = 'e' | 'l';
type Entry = readonly [id: string, fields: readonly string[]];

export const createRedisTail = (deps: Deps): Tail => new RedisTail(deps);

/**
 * A Redis Stream a shard, with a length limit, read by each process through one blocking connection. Events and what is
 * live only share the stream, so that words never overtake the event they follow. What this process publishes is
 * delivered here at once, whatever becomes of Redis; its own entries are skipped when they come back.
 */
class RedisTail implements Tail {
  readonly #d: Deps;
  readonly #log: Logger;
  /** Who wrote an entry. */
  readonly #origin = uuidv7();
  readonly #followers = createListeners<TailListener>();
  readonly #hearers = createListeners<PassingListener>();
  #waiting = new Map<number, { kind: Kind; texts: string[]; chars: number }[]>();
  readonly #meter: ReturnType<typeof meter>;
  /** Where each shard has been read to; empty while that is not known. */
  #places: string[] = [];
  #reader: RedisClient | undefined;
  #reading: Promise<void> | undefined;
  #flushing: NodeJS.Immediate | undefined;
  #pending = 0;
  #closed = false;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#log = deps.log.child('tail');
    this.#meter = meter(deps.metrics);
  }

  publish(shard: number, events: readonly LogEvent[]): void {
    if (events.length === 0 || this.#closed) return;
    for (const event of events) this.#gather(shard, 'e', JSON.stringify(event));
    for (const listener of this.#followers.of(shard)) listener(events);
  }

  pass(shard: number, { tenantId, stream, after, event, data }: Passing): void {
    if (!this.#closed) this.#gather(shard, 'l', JSON.stringify([tenantId, stream, after, event, data]));
  }

  follow(shard: number, listener: TailListener): () => void {
    this.#read();
    return this.#followers.add(shard, listener);
  }

  hear(shard: number, listener: PassingListener): () => void {
    this.#read();
    return this.#hearers.add(shard, listener);
  }

  alive(): boolean {
    return this.#places.length > 0 && this.#d.redis.state() === 'connected';
  }

  async close(): Promise<void> {
    this.#flush();
    this.#closed = true;
    this.#followers.clear();
    this.#hearers.clear();
    this.#reader?.disconnect();
    await this.#reading;
  }

  #gather(shard: number, kind: Kind, text: string): void {
    const entries = this.#waiting.get(shard) ?? [];
    if (entries.length === 0) this.#waiting.set(shard, entries);
    const last = entries.at(-1);
    if (last?.kind === kind && last.chars + text.length < ENTRY_CHARS) {
      last.texts.push(text);
      last.chars += text.length;
    } else entries.push({ kind, texts: [text], chars: text.length });
    this.#flushing ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    const { redis } = this.#d;
    for (const [shard, entries] of this.#waiting) {
      for (const { kind, texts } of entries) {
        if (redis.state() !== 'connected' || this.#pending >= MAX_PENDING) {
          this.#meter.lost.inc(texts.length);
          continue;
        }
        this.#pending++;
        const key = redis.key('tail', shard);
        redis.commands
          .xadd(key, 'MAXLEN', '~', KEPT, '*', 'o', this.#origin, kind, `[${texts.join(',')}]`)
          .catch(() => this.#meter.lost.inc(texts.length))
          .finally(() => this.#pending--);
      }
    }
    // A new one, not an emptied one: see `cache-redis.ts`.
    this.#waiting = new Map();
  }

  #read(): void {
    if (this.#closed) return;
    this.#reading ??= this.#readOn();
  }

  async #readOn(): Promise<void> {
    const { redis } = this.#d;
    const reader = redis.connection('tail');
    this.#reader = reader;
    // Another server may answer now, or the same one with nothing in it: what was read is compared anew.
    reader.on('ready', () => {
      this.#places = [];
    });
    const keys = ALL_SHARDS.map((shard) => redis.key('tail', shard));
    let known: string[] = [];
    let failures = 0;
    while (!this.#closed) {
      try {
        if (this.#places.length === 0) this.#places = known = await this.#place(keys, known);
        const reply = await reader.xread('COUNT', READ_COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', ...keys, ...known);
        for (const [key, entries] of reply ?? []) {
          const shard = keys.indexOf(key);
          known[shard] = entries.at(-1)?.[0] ?? (known[shard] as string);
          for (const entry of entries) this.#take(shard, entry);
        }
        failures = 0;
      } catch (error) {
        this.#places = [];
        // `end`: this process's connections were closed, and will not be opened again.
        if (this.#closed || reader.status === 'end') return;
        this.#log.debug('could not read the tail', { error });
        await delay(Math.min(RETRY.capMs, RETRY.baseMs * 2 ** Math.min(failures++, 10)));
      }
    }
  }

  /** The streams' ends; where one has been read less far than that, that place. */
  async #place(keys: readonly string[], known: readonly string[]): Promise<string[]> {
    const ends = await Promise.all(keys.map((key) => this.#d.redis.commands.xrevrange(key, '+', '-', 'COUNT', 1)));
    return ends.map(([last], i) => {
      const [end, before] = [last?.[0] ?? '0-0', known[i]];
      return before !== undefined && isBefore(before, end) ? before : end;
    });
  }

  #take(shard: number, [id, fields]: Entry): void {
    const [, origin, kind, text = '[]'] = fields;
    if (origin === this.#origin || this.#closed) return;
    this.#meter.read(shard, id);
    try {
      if (kind === 'e') {
        const events = JSON.parse(text) as LogEvent[];
        for (const listener of this.#followers.of(shard)) listener(events);
      } else if (kind === 'l') {
        const frames = (JSON.parse(text) as [string, string, number, string, unknown][]).map(
          ([tenantId, stream, after, event, data]): Passing => ({ tenantId, stream, after, event, data }),
        );
        for (const listener of this.#hearers.of(shard)) listener(frames);
      }
    } catch (error) {
      this.#log.warn('an entry of the tail cannot be read', { shard, error });
    }
  }
}

/** Of two ids of entries, `milliseconds-number`. */
function isBefore(a: string, b: string): boolean {
  const [aMs = 0, aNumber = 0] = a.split('-').map(Number);
  const [bMs = 0, bNumber = 0] = b.split('-').map(Number);
  return aMs < bMs || (aMs === bMs && aNumber < bNumber);
}

function meter(metrics: Metrics | undefined) {
  const lost = metrics?.counter({
    name: 'tail_lost_total',
    help: 'Events and live frames that could not be handed to Redis; the log has the events.',
  });
  const lag = metrics?.gauge({
    name: 'tail_lag_seconds',
    help: "How old the shard's newest entry was when it was read from Redis, by the clocks of both.",
    labels: ['shard'],
  });
  const lags = ALL_SHARDS.map((shard) => lag?.labels(String(shard)));
  return {
    lost: { inc: (count: number) => void lost?.inc(count) },
    read(shard: number, id: string) {
      lags[shard]?.set(Math.max(0, Date.now() - Number(id.split('-', 1)[0])) / 1000);
    },
  };
}
