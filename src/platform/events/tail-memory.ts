import { createListeners } from './listeners.ts';
import type { Tail, TailListener } from './tail.ts';

/** The tail of a single process: what is published is delivered at once, in the same turn of the event loop. */
export function createMemoryTail(): Tail {
  const followers = createListeners<TailListener>();
  return {
    publish(shard, events) {
      if (events.length === 0) return;
      for (const listener of followers.of(shard)) listener(events);
    },
    follow: followers.add,
    // There are no others.
    pass() {},
    hear: () => () => {},
    alive: () => true,
    async close() {
      followers.clear();
    },
  };
}
