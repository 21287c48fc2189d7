/**
 * A cache whose entries are dropped through the log, so that it needs no short life: a hit is as fresh as the feed.
 * When the feed is too old to be trusted (`fresh()` is false) every look-up misses.
 */
export type FreshCache<V> = {
  /** The value under `key`, loaded when it is not here. Rejections and undefined are not kept. */
  get(key: string, load: () => Promise<V | undefined>): Promise<V | undefined>;
  /** The value if it is here and may be trusted, without loading it. */
  peek(key: string): V | undefined;
  drop(key: string): void;
  /** Drops the values of which this is true; looks at every entry, so it is for what happens rarely. */
  dropWhere(matches: (value: V) => boolean): void;
};

type Entry<V> = { readonly value: V; readonly until: number };
type Loading<V> = {
  readonly promise: Promise<V | undefined>;
  dropped: boolean;
  /** The load that begins when this one ends, for all who asked meanwhile and must not have what was read before. */
  next?: Promise<V | undefined>;
};

export type FreshCacheOptions = {
  /** Whether the feed of the log that drops entries is known to be current. */
  readonly fresh: () => boolean;
  readonly nowMs: () => number;
  /** Default 10,000 entries. */
  readonly size?: number;
  /** A second line of defence: nothing is older than this. Default 60,000. */
  readonly maxAgeMs?: number;
};

export function createFreshCache<V>(options: FreshCacheOptions): FreshCache<V> {
  const { fresh, nowMs, size = 10_000, maxAgeMs = 60_000 } = options;
  const entries = new Map<string, Entry<V>>();
  const loading = new Map<string, Loading<V>>();

  function peek(key: string): V | undefined {
    const entry = entries.get(key);
    if (entry === undefined || !fresh()) return undefined;
    if (entry.until > nowMs()) return entry.value;
    entries.delete(key);
    return undefined;
  }

  async function load(key: string, loader: () => Promise<V | undefined>): Promise<V | undefined> {
    const mine: Loading<V> = { promise: loader(), dropped: false };
    loading.set(key, mine);
    try {
      const value = await mine.promise;
      // A drop during the load may concern what was read before it: hand it out, but do not keep it.
      if (value !== undefined && !mine.dropped) {
        if (entries.size >= size) for (const first of entries.keys()) if (entries.delete(first)) break;
        entries.set(key, { value, until: nowMs() + maxAgeMs });
      }
      return value;
    } finally {
      if (loading.get(key) === mine) loading.delete(key);
    }
  }

  /**
   * A value that is read after it was asked for, by one load for all who ask while another is under way. Without this
   * a crowd that came back to a busy process took every connection that the feed needed to become current again.
   */
  function loadAnew(key: string, loader: () => Promise<V | undefined>): Promise<V | undefined> {
    const running = loading.get(key);
    if (running === undefined) return load(key, loader);
    running.next ??= Promise.allSettled([running.promise]).then(() => load(key, loader));
    return running.next;
  }

  return {
    peek,
    async get(key, loader) {
      const value = peek(key);
      if (value !== undefined) return value;
      if (!fresh()) return loadAnew(key, loader);
      return loading.get(key)?.promise ?? load(key, loader);
    },
    dropWhere(matches) {
      for (const [key, { value }] of entries) if (matches(value)) entries.delete(key);
      // What is being loaded may match, too.
      for (const running of loading.values()) running.dropped = true;
      loading.clear();
    },
    drop(key) {
      entries.delete(key);
      const running = loading.get(key);
      if (running !== undefined) running.dropped = true;
      // Who asks from now on must not join a load that began before the change.
      loading.delete(key);
    },
  };
}
