export type GatherOptions<T, R> = {
  /** Items that are worked on together at most. */
  readonly limit: number;
  /** Items of one key that wait at most, and how long; one more, or one that waited longer, is refused with `full()`. */
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  readonly full: () => Error;
  /** Works on some items of one key; answers for each, in their order. Where it fails as a whole, all of them have failed. */
  readonly work: (items: readonly T[]) => Promise<readonly PromiseSettledResult<R>[]>;
};

type Waiting<T, R> = {
  readonly item: T;
  readonly late: NodeJS.Timeout;
  readonly resolve: (value: R) => void;
  readonly reject: (reason: unknown) => void;
};

/**
 * Gathers what arrives while something else of the same key is worked on, as a database's group commit does: one piece of
 * work a key at a time, and whatever waits when it is done is the next one. Nothing waits for company: where nobody works,
 * the first item goes as soon as what arrived with it has been read.
 */
export function createGather<T, R>(options: GatherOptions<T, R>): (key: string, item: T) => Promise<R> {
  const { limit, maxWaiting, maxWaitMs, full } = options;
  const lanes = new Map<string, Waiting<T, R>[]>();

  const next = (key: string, lane: Waiting<T, R>[]): void => {
    if (lane.length === 0) {
      lanes.delete(key);
      return;
    }
    const round = lane.splice(0, limit);
    for (const { late } of round) clearTimeout(late);
    void settle(options, round).then(() => setImmediate(next, key, lane));
  };

  const laneOf = (key: string): Waiting<T, R>[] => {
    const known = lanes.get(key);
    if (known !== undefined) return known;
    const lane: Waiting<T, R>[] = [];
    lanes.set(key, lane);
    // Behind the input of this turn of the event loop: what came in the same breath goes together.
    setImmediate(next, key, lane);
    return lane;
  };

  return (key, item) => {
    const lane = laneOf(key);
    if (lane.length >= maxWaiting) return Promise.reject(full());
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const giveUp = () => {
      lane.splice(lane.indexOf(waiting), 1);
      reject(full());
    };
    const waiting = { item, resolve, reject, late: setTimeout(giveUp, maxWaitMs) };
    lane.push(waiting);
    return promise;
  };
}

async function settle<T, R>({ work }: GatherOptions<T, R>, round: readonly Waiting<T, R>[]): Promise<void> {
  let results: readonly PromiseSettledResult<R>[];
  try {
    results = await work(round.map(({ item }) => item));
  } catch (reason) {
    for (const { reject } of round) reject(reason);
    return;
  }
  for (const [index, { resolve, reject }] of round.entries()) {
    const result = results[index];
    if (result?.status === 'fulfilled') resolve(result.value);
    else reject(result?.reason ?? new Error('There was no answer for it'));
  }
}
