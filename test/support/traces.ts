/** Chance that is the same for the same seed (mulberry32). */
export type Chance = {
  /** In [0, 1). */
  next(): number;
  /** A whole number below `limit`. */
  int(limit: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** True in so many of all cases. */
  in(share: number): boolean;
};

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (limit: number) => Math.floor(next() * limit);
  return { next, int, pick: (list) => list[int(list.length)] as (typeof list)[0], in: (share) => next() < share };
}

/**
 * Runs a trace for each of the seeds 1 to `count`, and answers how to tell what came of it; the first that fails is named,
 * and can be run alone by it. Run it before the file's first `test`: the runner follows every promise from then on, and
 * that takes five times as long as the traces.
 */
export async function traces(
  count: number,
  run: (chance: Chance, seed: number) => Promise<void> | void,
): Promise<() => void> {
  // Most errors in a trace are expected, and their stacks are most of what they cost.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let failed: Error | undefined;
  for (let seed = 1; seed <= count && failed === undefined; seed += 1) {
    try {
      await run(chanceOf(seed), seed);
    } catch (cause) {
      failed = new Error(`The trace of seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }
  Error.stackTraceLimit = stackTraceLimit;
  return () => {
    if (failed) throw failed;
  };
}

/** Lets everything run that waits for nothing but its turn, `rounds` promises deep. */
export async function microtasks(rounds = 16): Promise<void> {
  for (let n = 0; n < rounds; n += 1) await undefined;
}
