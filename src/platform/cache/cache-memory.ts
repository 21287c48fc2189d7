import { type Cache, type Entry, TOMBSTONE_MS } from './cache.ts';
import type { CacheKey } from './key.ts';

/** An entry, or the tombstone of one (`value` undefined), with what it takes. */
type Slot = Omit<Entry, 'value'> & { readonly value: string | null | undefined; readonly bytes: number };
type Lock = { readonly token: string; readonly untilMs: number };

export type MemoryCacheOptions = {
  /** Default 64 MiB. */
  readonly maxBytes?: number;
  readonly nowMs?: () => number;
  readonly onEvict?: () => void;
};

/** What an entry takes beside its characters: its slot, the map's and the headers of two strings. Measured: 150 to 200. */
const OVERHEAD_BYTES = 200;
const MAX_LOCKS = 10_000;
const WIDE = /[^\0-\xff]/;

/** In this process, bounded in bytes; what was used longest ago goes first. */
export function memoryCache(options: MemoryCacheOptions = {}): Cache {
  const { maxBytes = 64 * 1024 * 1024, nowMs = Date.now, onEvict } = options;
  // In the order of their last use: a look-up moves a slot to the end.
  const slots = new Map<CacheKey, Slot>();
  const locks = new Map<CacheKey, Lock>();
  let bytes = 0;

  function remove(key: CacheKey, slot: Slot): void {
    slots.delete(key);
    bytes -= slot.bytes;
  }

  /** The slot, unless its time is over. */
  function find(key: CacheKey): Slot | undefined {
    const slot = slots.get(key);
    if (slot === undefined || slot.keepUntilMs > nowMs()) return slot;
    remove(key, slot);
    return undefined;
  }

  function set(key: CacheKey, old: Slot | undefined, slot: Slot): void {
    if (old !== undefined) remove(key, old);
    slots.set(key, slot);
    bytes += slot.bytes;
    for (const [oldest, { bytes: freed }] of slots) {
      if (bytes <= maxBytes) return;
      slots.delete(oldest);
      bytes -= freed;
      onEvict?.();
    }
  }

  return {
    async get(key) {
      const slot = find(key);
      if (slot === undefined || slot.value === undefined) return undefined;
      slots.delete(key);
      slots.set(key, slot);
      return slot as Entry;
    },
    async put(key, entry) {
      const old = find(key);
      // What Redis had is put each time that it is read there: for nearly all of it there is nothing to do.
      if (old !== undefined && same(old, entry)) return true;
      const size = sizeOf(key, entry.value);
      if ((old !== undefined && old.version > entry.version) || size > maxBytes / 8) return false;
      set(key, old, { ...entry, bytes: size });
      return true;
    },
    async drop(key, version) {
      const old = find(key);
      if (old !== undefined && old.version >= version) return;
      const keepUntilMs = nowMs() + TOMBSTONE_MS;
      set(key, old, { value: undefined, version, freshUntilMs: 0, keepUntilMs, bytes: sizeOf(key, null) });
    },
    async lock(key, token, ms) {
      const now = nowMs();
      const held = locks.get(key);
      if (held !== undefined && held.untilMs > now && held.token !== token) return false;
      locks.delete(key);
      if (locks.size >= MAX_LOCKS) for (const oldest of locks.keys()) if (locks.delete(oldest)) break;
      locks.set(key, { token, untilMs: now + ms });
      return true;
    },
    async unlock(key, token) {
      if (locks.get(key)?.token === token) locks.delete(key);
    },
    usage: () => ({ entries: slots.size, bytes }),
  };
}

const same = (slot: Slot, entry: Entry): boolean =>
  slot.version === entry.version &&
  slot.freshUntilMs === entry.freshUntilMs &&
  slot.keepUntilMs === entry.keepUntilMs &&
  slot.stale === entry.stale &&
  slot.value === entry.value;

/** V8 keeps a string with one wide character in two bytes a character, others in one. */
function sizeOf(key: string, value: string | null): number {
  const text = value === null ? 0 : WIDE.test(value) ? value.length * 2 : value.length;
  return text + (WIDE.test(key) ? key.length * 2 : key.length) + OVERHEAD_BYTES;
}
