const SHARD = /^(.+)\/\d+$/;

/**
 * Which of `held` a process gives back, so that as many as `processes` have about the same: what is divided into shards, kind
 * by kind. A schedule, or whatever there is only one of, stays where it is.
 */
export function excess(held: readonly string[], wanted: readonly string[], processes: number): string[] {
  if (processes < 2) return [];
  const kindOf = (name: string) => SHARD.exec(name)?.[1];
  const all = Map.groupBy(wanted, kindOf);
  return [...Map.groupBy(held, kindOf)].flatMap(([kind, mine]) => {
    if (kind === undefined) return [];
    const share = Math.ceil((all.get(kind)?.length ?? 0) / processes);
    return mine.toSorted().slice(share);
  });
}
