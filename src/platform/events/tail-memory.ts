import type { Tail, TailListener } from './tail.ts';

/** The tail of a single process: what is published is delivered at once, in the same turn of the event loop. */
export function createMemoryTail(): Tail {
  const listeners = new Map<number, Set<TailListener>>();
  return {
    publish(shard, events) {
      if (events.length === 0) return;
      for (const listener of listeners.get(shard) ?? []) listener(events);
    },
    follow(shard, listener) {
      const followers = listeners.get(shard) ?? new Set();
      listeners.set(shard, followers.add(listener));
      return () => void followers.delete(listener);
    },
    async close() {
      for (const followers of listeners.values()) followers.clear();
    },
  };
}
