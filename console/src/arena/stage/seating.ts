import type { Discussion } from '@parley/sdk';

/** Some who sit together. `label`: what they are together, where that is said. */
export type Bench = { label: string | undefined; ids: readonly string[] };

/** Who sits beside whom: in a debate each with their own side, and the judge between two of them. */
export function benchesOf({ policy, participants }: Pick<Discussion, 'policy' | 'participants'>): Bench[] {
  if (policy.type !== 'debate') return [{ label: undefined, ids: participants.map(({ id }) => id) }];
  const sides = policy.sides.map(({ name, participants: ids }) => ({ label: name, ids }));
  const middle = sides.length === 2 ? 1 : sides.length;
  return [...sides.slice(0, middle), { label: 'Judge', ids: [policy.judge] }, ...sides.slice(middle)];
}

export type Spot = { x: number; y: number };

/** Where everybody is round the table, from −1 to 1 each way: clockwise from the top, a judge at the top itself. */
export function spotsOf(discussion: Pick<Discussion, 'policy' | 'participants'>): ReadonlyMap<string, Spot> {
  const ids = benchesOf(discussion).flatMap((bench) => bench.ids);
  const { policy } = discussion;
  const head = policy.type === 'debate' ? ids.indexOf(policy.judge) : undefined;
  // An even number leaves the top free, so that two sit side by side there.
  const turned = head === undefined && ids.length % 2 === 0 ? 0.5 : 0;
  return new Map(ids.map((id, index) => [id, round(index - (head ?? 0) + turned, ids.length)]));
}

function round(index: number, places: number): Spot {
  const angle = (index / places) * 2 * Math.PI - Math.PI / 2;
  return { x: Math.cos(angle), y: Math.sin(angle) };
}

/** How far a place stands back, from 0 to 1, where all stand in a row: a shallow arc. */
export function arc(index: number, places: number): number {
  const x = places < 2 ? 0 : (index / (places - 1)) * 2 - 1;
  return 1 - x * x;
}
