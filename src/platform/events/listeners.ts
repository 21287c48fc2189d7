/** Who listens to what, by shard. */
export function createListeners<L>() {
  const sets = new Map<number, Set<L>>();
  return {
    of: (shard: number): Iterable<L> => sets.get(shard) ?? [],
    /** Answers how to stop. */
    add(shard: number, listener: L): () => void {
      const set = sets.get(shard) ?? new Set();
      sets.set(shard, set.add(listener));
      return () => void set.delete(listener);
    },
    clear(): void {
      for (const set of sets.values()) set.clear();
    },
  };
}
