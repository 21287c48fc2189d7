import type { Redis } from '../redis/redis.ts';
import { createScript } from '../redis/script.ts';
import type { Guard } from '../reliability/guard.ts';
import { type Cache, type Entry, TOMBSTONE_MS } from './cache.ts';
import type { CacheKey } from './key.ts';

export type RedisCacheOptions = {
  readonly redis: Redis;
  /** Refuses at once while Redis is away, hangs or is slow. */
  readonly guard: Guard;
  /**
   * This process's own, for as long as that lasts. It hears of every drop, so it is never out of date; and it is given what
   * Redis had, so that a Redis that is late for a moment does not send everybody to the database.
   */
  readonly fallback: Cache;
  readonly nowMs?: () => number;
};

const MAX_VALUE_LENGTH = 1024 * 1024;
/** How many drops are remembered that Redis has not heard of. With more, it is emptied instead. */
const MAX_OWED = 10_000;
const BATCH = 200;
/** So many are read at once at most: the answer is held in memory. */
const MAX_READ = 200;
/** After Redis could not be told, it is tried again no sooner than this. */
const SETTLE_PAUSE_MS = 50;

/** What is kept: a letter, the version, two times, and the text: `v12,1764000000000,1764000060000|{…}`. */
const versionOf = `local version = tonumber(string.match(redis.call('GETRANGE', KEYS[1], 1, 17), '^%d+'))`;

const putScript = createScript(`${versionOf}
if version and version > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`);

const dropScript = createScript(`${versionOf}
if version and version >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], 't' .. ARGV[1] .. ',0,0|', 'PX', ARGV[2])
return 1`);

const unlockScript = createScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

/** In Redis, shared by all processes; in this process while Redis is away. */
export const redisCache = (options: RedisCacheOptions): Cache => new RedisCache(options);

class RedisCache implements Cache {
  readonly #redis: Redis;
  readonly #guard: Guard;
  readonly #fallback: Cache;
  readonly #nowMs: () => number;
  /** Drops that Redis has not heard of. Until it has, what it holds is not trusted. */
  readonly #owed = new Map<CacheKey, number>();
  /** Too many to be remembered: everything in Redis goes. */
  #owesAll = false;
  #reading = new Map<CacheKey, PromiseWithResolvers<Entry | undefined>>();
  #fetching = false;
  #settling = false;
  #settleAt = 0;

  constructor({ redis, guard, fallback, nowMs = Date.now }: RedisCacheOptions) {
    this.#redis = redis;
    this.#guard = guard;
    this.#fallback = fallback;
    this.#nowMs = nowMs;
    redis.onState((state) => {
      if (state === 'connected') this.#usable();
    });
  }

  get(key: CacheKey): Promise<Entry | undefined> {
    return this.#usable() ? this.#read(key) : this.#fallback.get(key);
  }

  async put(key: CacheKey, entry: Entry): Promise<boolean> {
    const lifeMs = Math.ceil(entry.keepUntilMs - this.#nowMs());
    if (lifeMs <= 0 || (entry.value?.length ?? 0) > MAX_VALUE_LENGTH) return false;
    if (!this.#usable()) return this.#fallback.put(key, entry);
    try {
      const args = [entry.version, encode(entry), lifeMs];
      return (await this.#guard(() => putScript.run(this.#redis.commands, this.#nameOf(key), ...args))) === 1;
    } catch {
      return this.#fallback.put(key, entry);
    }
  }

  async drop(key: CacheKey, version: number): Promise<void> {
    await this.#fallback.drop(key, version);
    if (!this.#usable()) return this.#owe(key, version);
    try {
      await this.#guard(() => this.#dropInRedis(key, version));
    } catch {
      this.#owe(key, version);
    }
  }

  async lock(key: CacheKey, token: string, ms: number): Promise<boolean> {
    if (!this.#usable()) return this.#fallback.lock(key, token, ms);
    try {
      const set = () => this.#redis.commands.set(this.#lockOf(key), token, 'PX', ms, 'NX');
      return (await this.#guard(set)) === 'OK';
    } catch {
      return this.#fallback.lock(key, token, ms);
    }
  }

  async unlock(key: CacheKey, token: string): Promise<void> {
    await this.#fallback.unlock(key, token);
    if (!this.#usable()) return;
    // Lost or not: it ends by itself soon.
    await this.#guard(() => unlockScript.run(this.#redis.commands, this.#lockOf(key), token)).catch(() => {});
  }

  usage = () => this.#fallback.usage?.() ?? { entries: 0, bytes: 0 };

  /**
   * Those of one turn of the event loop are one question: who asks later may have heard of a drop. And one question is
   * asked at a time, so that with many requests each is for many keys: a round trip costs 15 µs of CPU, a key more in it 2.
   */
  #read(key: CacheKey): Promise<Entry | undefined> {
    const asked = this.#reading.get(key);
    if (asked !== undefined) return asked.promise;
    const reading = Promise.withResolvers<Entry | undefined>();
    this.#reading.set(key, reading);
    if (this.#reading.size >= MAX_READ) this.#fetch();
    else if (this.#reading.size === 1 && !this.#fetching) setImmediate(() => this.#fetch());
    return reading.promise;
  }

  #fetch(): void {
    const batch = [...this.#reading];
    if (batch.length === 0) return;
    // A new one, not an emptied one: V8 has the table that is emptied point to its successor. Once one of them has become
    // old, all that follow become old, too, with what was in them, and stay until the great collection (measured at 20,000
    // requests a second: 30 MB a second).
    this.#reading = new Map();
    this.#fetching = true;
    const names = batch.map(([key]) => this.#nameOf(key));
    this.#guard(() => this.#redis.commands.mget(names))
      .then(
        (texts) => {
          const now = this.#nowMs();
          batch.forEach(([key, { resolve }], n) => {
            const entry = decode(texts[n] ?? undefined, now);
            if (entry !== undefined) void this.#fallback.put(key, entry);
            resolve(entry);
          });
        },
        () => {
          for (const [key, { resolve }] of batch) resolve(this.#fallback.get(key));
        },
      )
      .finally(() => {
        this.#fetching = false;
        this.#fetch();
      });
  }

  #nameOf(key: CacheKey): string {
    return this.#redis.key('cache', key);
  }

  #lockOf(key: CacheKey): string {
    return this.#redis.key('cache-lock', key);
  }

  #dropInRedis(key: CacheKey, version: number): Promise<unknown> {
    return dropScript.run(this.#redis.commands, this.#nameOf(key), version, TOMBSTONE_MS);
  }

  /** Whether Redis is there and has heard of every drop. If it is there and has not, it is told now. */
  #usable(): boolean {
    if (this.#redis.state() !== 'connected') return false;
    if (this.#settling) return false;
    if (this.#owed.size === 0 && !this.#owesAll) return true;
    if (performance.now() < this.#settleAt) return false;
    this.#settling = true;
    this.#settle()
      .catch(() => {
        this.#settleAt = performance.now() + SETTLE_PAUSE_MS;
      })
      .finally(() => {
        this.#settling = false;
      });
    return false;
  }

  #owe(key: CacheKey, version: number): void {
    if (this.#owesAll) return;
    this.#owed.set(key, Math.max(version, this.#owed.get(key) ?? version));
    if (this.#owed.size <= MAX_OWED) return;
    this.#owesAll = true;
    this.#owed.clear();
  }

  /** Nobody waits for this, so it takes its time: it has no deadline but the connection's own. */
  async #settle(): Promise<void> {
    if (this.#owesAll) {
      // What is dropped from here on is remembered again.
      this.#owesAll = false;
      await this.#empty().catch((error: unknown) => {
        this.#owesAll = true;
        throw error;
      });
    }
    // One first: it tells whether Redis answers.
    for (let size = 1; this.#owed.size > 0; size = BATCH) {
      const batch = this.#owed.entries().take(size).toArray();
      await Promise.all(batch.map(([key, version]) => this.#dropInRedis(key, version)));
      for (const [key, version] of batch) if (this.#owed.get(key) === version) this.#owed.delete(key);
    }
  }

  /** Takes every entry away, of all processes. */
  async #empty(): Promise<void> {
    const { commands } = this.#redis;
    for (let cursor = '0'; ; ) {
      const pattern = `${escapeGlob(this.#redis.key('cache'))}:*`;
      const [next, keys] = await commands.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
      if (keys.length > 0) await commands.unlink(...keys);
      if (next === '0') return;
      cursor = next;
    }
  }
}

const escapeGlob = (text: string): string => text.replace(/[\\*?[\]^]/g, '\\$&');

function encode({ value, version, freshUntilMs, keepUntilMs, stale }: Entry): string {
  const kind = value === null ? 'n' : stale ? 's' : 'v';
  return `${kind}${version},${Math.round(freshUntilMs)},${Math.round(keepUntilMs)}|${value ?? ''}`;
}

/** The entry; undefined for a tombstone, and for what outlived its time because Redis was held up. */
function decode(text: string | undefined, nowMs: number): Entry | undefined {
  if (text === undefined) return undefined;
  const kind = text[0];
  const end = text.indexOf('|');
  if (kind === 't' || end < 0) return undefined;
  const afterVersion = text.indexOf(',');
  const afterFresh = text.indexOf(',', afterVersion + 1);
  const keepUntilMs = Number(text.slice(afterFresh + 1, end));
  if (!(keepUntilMs > nowMs)) return undefined;
  return {
    value: kind === 'n' ? null : text.slice(end + 1),
    version: Number(text.slice(1, afterVersion)),
    freshUntilMs: Number(text.slice(afterVersion + 1, afterFresh)),
    keepUntilMs,
    stale: kind === 's',
  };
}
