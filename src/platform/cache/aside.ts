import { uuidv7 } from '../../lib/ids.ts';
import { AppError } from '../http/errors.ts';
import { monotonic, type Time } from '../reliability/time.ts';
import { type Cache, type Entry, TOMBSTONE_MS } from './cache.ts';
import type { CacheKey } from './key.ts';

/** What a load finds: the final text or that there is none, and the version of the row it was made from. */
export type Loaded = { readonly value: string | null; readonly version: number };

/** Makes the text anew. It runs for whoever waits, so it listens to this signal and not to its caller's. */
export type Load = (signal: AbortSignal) => Promise<Loaded>;

export type AsideOptions = {
  readonly cache: Cache;
  readonly name: string;
  readonly ttlMs: number;
  /** By how much lives differ, 0.1 to 0.2: what was filled together does not end together. Default 0.2. */
  readonly jitter?: number;
  /** How long after its life an entry is still given out while loading fails or is slow. Default 0. */
  readonly graceMs?: number;
  /** How long it is known that there is nothing. Default 5,000; 0 does not keep it. */
  readonly negativeTtlMs?: number;
  /** How long a caller waits for a load before the stale entry is given out, where there is one. Default 100. */
  readonly patienceMs?: number;
  /** A load that takes longer has failed. Default 5,000. */
  readonly loadTimeoutMs?: number;
  readonly onCount?: (what: AsideCount) => void;
  readonly nowMs?: () => number;
  readonly time?: Time;
  readonly random?: () => number;
};

/**
 * What is counted. Of callers: a fresh text was there (`hit`, or `negative`: fresh word that there is none), an old one
 * was given out (`stale`), it was loaded (`miss`), and thereby joined a load under way here (`wait_here`). Of loads: one
 * began (`fill`), failed, was outdated by a drop meanwhile, or waited for another process (`wait_elsewhere`).
 */
export type AsideCount =
  | ('hit' | 'negative' | 'stale' | 'miss' | 'wait_here')
  | ('fill' | 'fill_failed' | 'fill_outdated' | 'wait_elsewhere');

/** Cache-aside: what is not in the cache is loaded once, however many ask, here and in other processes. */
export type Aside = {
  readonly name: string;
  /**
   * The text under the key, at most `ttlMs` old unless the load fails or is slow. Rejects as the load does, where there
   * is nothing else to give out.
   */
  get(key: CacheKey, load: Load): Promise<Loaded>;
  /**
   * It has changed, and its row is now at `version`: nothing older is given out to who asks from now on. Called after
   * the commit that changed it, and by the event in every process.
   */
  drop(key: CacheKey, version: number): Promise<void>;
};

/** A load under way. It brings undefined when another process does it, and there is a stale entry to give out meanwhile. */
type Flight = {
  readonly promise: Promise<Loaded | undefined>;
  readonly startedAt: number;
  /** Of its lock. */
  readonly token: string;
  /** What it brings is not kept when it is older than this. */
  floor: number;
};

/** After a load that failed, the stale entry counts as fresh for so long: a database in trouble is left in peace. */
const HOLD_OFF_MS = 1_000;
/** The lock's life; who waits for it longer loads by itself. */
const LOCK_MS = 2_000;
const POLL_MS = { first: 5, most: 50 };

export function createAside(options: AsideOptions): Aside {
  const { loadTimeoutMs = 5_000 } = options;
  if (loadTimeoutMs >= TOMBSTONE_MS) throw new RangeError(`A load may take less than ${TOMBSTONE_MS} ms`);
  return new CacheAside(options);
}

class CacheAside implements Aside {
  readonly name: string;
  readonly #cache: Cache;
  readonly #options: AsideOptions;
  readonly #count: (what: AsideCount) => void;
  readonly #nowMs: () => number;
  readonly #time: Time;
  readonly #flights = new Map<CacheKey, Flight>();

  constructor(options: AsideOptions) {
    this.name = options.name;
    this.#options = options;
    this.#cache = options.cache;
    this.#count = options.onCount ?? (() => {});
    this.#nowMs = options.nowMs ?? Date.now;
    this.#time = options.time ?? monotonic;
  }

  async get(key: CacheKey, load: Load): Promise<Loaded> {
    const entry = await this.#cache.get(key);
    if (entry === undefined) {
      this.#count('miss');
      return this.#loaded(key, load);
    }
    if (entry.freshUntilMs > this.#nowMs()) {
      this.#count(entry.stale ? 'stale' : entry.value === null ? 'negative' : 'hit');
      return entry;
    }
    const landed = await this.#unlessSlow(this.#join(key, load, entry));
    this.#count(landed === undefined ? 'stale' : 'miss');
    return landed ?? entry;
  }

  async drop(key: CacheKey, version: number): Promise<void> {
    await this.#cache.drop(key, version);
    // Afterwards: one that began meanwhile may have found what was not dropped yet.
    this.#outdate(key, version);
  }

  /** A load under way may have read what is older: it is for those who wait already, and not kept. */
  #outdate(key: CacheKey, version: number): void {
    const flight = this.#flights.get(key);
    if (flight === undefined) return;
    flight.floor = Math.max(flight.floor, version);
    this.#flights.delete(key);
    // Who asks from now on does not wait for it, in no process.
    this.#unlock(key, flight.token);
  }

  async #loaded(key: CacheKey, load: Load): Promise<Loaded> {
    for (;;) {
      const loaded = await this.#join(key, load, undefined).promise;
      if (loaded !== undefined) return loaded;
    }
  }

  #join(key: CacheKey, load: Load, stale: Entry | undefined): Flight {
    const running = this.#flights.get(key);
    if (running !== undefined) {
      this.#count('wait_here');
      return running;
    }
    const { promise, resolve, reject } = Promise.withResolvers<Loaded | undefined>();
    const token = uuidv7();
    const flight: Flight = { promise, token, startedAt: this.#time.now(), floor: Number.NEGATIVE_INFINITY };
    this.#flights.set(key, flight);
    // Those who were given the stale entry do not wait for it.
    promise.catch(() => {});
    this.#fly(key, flight, { load, stale })
      .finally(() => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      })
      .then(resolve, reject);
    return flight;
  }

  /** What the flight brings; undefined when it fails, or is in the air for longer than one waits. */
  async #unlessSlow({ promise, startedAt }: Flight): Promise<Loaded | undefined> {
    const { patienceMs = 100 } = this.#options;
    const leftMs = startedAt + patienceMs - this.#time.now();
    return leftMs > 0 ? within(promise, leftMs) : undefined;
  }

  async #fly(key: CacheKey, flight: Flight, { load, stale }: { load: Load; stale: Entry | undefined }) {
    const { token } = flight;
    const { locked, found } = await this.#lockOrWait(key, token, stale !== undefined);
    if (found !== undefined || !locked) return found;
    try {
      const loaded = await this.#load(load);
      await this.#keep(key, loaded, flight);
      return loaded;
    } catch (error) {
      this.#count('fill_failed');
      if (stale !== undefined && flight.floor <= stale.version) await this.#holdOff(key, stale);
      throw error;
    } finally {
      this.#unlock(key, token);
    }
  }

  /** Nobody needs to wait for this. */
  #unlock(key: CacheKey, token: string): void {
    this.#cache.unlock(key, token).catch(() => {});
  }

  /**
   * Takes the lock, or finds what its holder put meanwhile. Who has a stale entry does not wait for another process. A
   * holder that died or failed is followed by one of those who wait, and after the lock's life all give up waiting.
   */
  async #lockOrWait(key: CacheKey, token: string, hasStale: boolean): Promise<{ locked: boolean; found?: Loaded }> {
    const until = this.#time.now() + LOCK_MS;
    let pauseMs = POLL_MS.first;
    for (;;) {
      const locked = await this.#cache.lock(key, token, LOCK_MS);
      // Also when it was taken: the holder before may have put its entry since we looked.
      const found = await this.#cache.get(key);
      if (found !== undefined && found.freshUntilMs > this.#nowMs()) {
        if (locked) this.#unlock(key, token);
        return { locked, found };
      }
      if (locked || hasStale) return { locked };
      if (this.#time.now() >= until) return { locked: true };
      if (pauseMs === POLL_MS.first) this.#count('wait_elsewhere');
      await this.#time.sleep(pauseMs, NEVER);
      pauseMs = Math.min(pauseMs * 2, POLL_MS.most);
    }
  }

  async #load(load: Load): Promise<Loaded> {
    this.#count('fill');
    const { loadTimeoutMs = 5_000 } = this.#options;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(tooLate(this.name)), loadTimeoutMs);
    try {
      return await Promise.race([
        load(late.signal),
        new Promise<never>((_, reject) => {
          late.signal.addEventListener('abort', () => reject(late.signal.reason), { once: true });
        }),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #keep(key: CacheKey, { value, version }: Loaded, flight: Flight): Promise<void> {
    if (version < flight.floor) return this.#count('fill_outdated');
    const { ttlMs, jitter = 0.2, graceMs = 0, negativeTtlMs = 5_000, random = Math.random } = this.#options;
    const lifeMs = (value === null ? negativeTtlMs : ttlMs) * (1 - jitter * random());
    if (lifeMs <= 0) return;
    const freshUntilMs = this.#nowMs() + lifeMs;
    const keepUntilMs = freshUntilMs + (value === null ? 0 : graceMs);
    const kept = await this.#cache.put(key, { value, version, freshUntilMs, keepUntilMs });
    if (!kept) this.#count('fill_outdated');
  }

  async #holdOff(key: CacheKey, stale: Entry): Promise<void> {
    const freshUntilMs = Math.min(stale.keepUntilMs, this.#nowMs() + HOLD_OFF_MS);
    await this.#cache.put(key, { ...stale, freshUntilMs, stale: true });
  }
}

const NEVER = new AbortController().signal;

const tooLate = (name: string) =>
  new AppError('unavailable', { message: `Reading ${name} took too long.`, headers: { 'retry-after': '1' } });

/** What the promise brings in time; undefined when it fails or is late. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
