import type { Streams } from '@parley/sdk';

/** How many looks back the small charts go: two minutes. */
export const LOOKS = 60;

export type Look = {
  at: number;
  epoch: string;
  heads: ReadonlyMap<number, number>;
  lags: ReadonlyMap<string, number>;
};

/** Remembers the last looks. After a new epoch positions begin anew, and so do the charts. */
export function looked(before: readonly Look[], streams: Streams, at: number): readonly Look[] {
  const look: Look = {
    at,
    epoch: streams.epoch,
    heads: new Map(streams.shards.map(({ shard, head }) => [shard, head])),
    lags: new Map(streams.groups.map(({ group, lag_events }) => [group, lag_events])),
  };
  return [...before.filter(({ epoch }) => epoch === look.epoch), look].slice(-LOOKS);
}

/** Positions taken in a shard from look to look. */
export function ofShard(looks: readonly Look[], shard: number): number[] {
  return looks.slice(1).map(({ heads }, i) => {
    const now = heads.get(shard) ?? 0;
    return Math.max(0, now - (looks[i]?.heads.get(shard) ?? now));
  });
}

/** How far a group was behind, look by look. */
export const ofGroup = (looks: readonly Look[], group: string): number[] =>
  looks.map(({ lags }) => lags.get(group) ?? 0);

/** Positions taken a second, over the last ten looks. */
export function perSecond(looks: readonly Look[]): number {
  const [first, last] = [looks.at(-10) ?? looks[0], looks.at(-1)];
  if (!first || !last || last.at <= first.at) return 0;
  const sum = (look: Look): number => [...look.heads.values()].reduce((total, head) => total + head, 0);
  return Math.max(0, sum(last) - sum(first)) / ((last.at - first.at) / 1000);
}
