import type { GraphEdge } from './layout.ts';

/** An edge from upper to lower; `turned`: it was given the other way round, and leads back up. */
export type Downward = { index: number; upper: string; lower: string; turned: boolean };

/** Turns edges that lead back, so that every path goes down. Edges from a node to itself are left out. */
export function downwards(ids: readonly string[], edges: readonly GraphEdge[], start: string | undefined): Downward[] {
  const out = new Map<string, number[]>(ids.map((id) => [id, []]));
  for (const [index, { from, to }] of edges.entries())
    if (from !== to && out.has(from) && out.has(to)) out.get(from)?.push(index);
  const state = new Map<string, 'open' | 'done'>();
  const turned = new Set<number>();
  const visit = (id: string): void => {
    state.set(id, 'open');
    for (const index of out.get(id) ?? []) {
      const { to } = edges[index] as GraphEdge;
      if (state.get(to) === 'open') turned.add(index);
      else if (!state.has(to)) visit(to);
    }
    state.set(id, 'done');
  };
  for (const id of start !== undefined && out.has(start) ? [start, ...ids] : ids) if (!state.has(id)) visit(id);
  return [...out.values()]
    .flat()
    .sort((a, b) => a - b)
    .map((index) => {
      const { from, to } = edges[index] as GraphEdge;
      const back = turned.has(index);
      return { index, upper: back ? to : from, lower: back ? from : to, turned: back };
    });
}

/** How far down each node stands: below everything that leads to it. */
export function ranks(ids: readonly string[], edges: readonly Downward[]): Map<string, number> {
  const rank = new Map(ids.map((id) => [id, 0]));
  const waiting = new Map(ids.map((id) => [id, 0]));
  for (const { lower } of edges) waiting.set(lower, (waiting.get(lower) ?? 0) + 1);
  const ready = ids.filter((id) => waiting.get(id) === 0);
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    for (const edge of edges) {
      if (edge.upper !== id) continue;
      rank.set(edge.lower, Math.max(rank.get(edge.lower) ?? 0, (rank.get(id) ?? 0) + 1));
      const left = (waiting.get(edge.lower) ?? 0) - 1;
      waiting.set(edge.lower, left);
      if (left === 0) ready.push(edge.lower);
    }
  }
  return rank;
}

/** Who can be reached from the start. */
export function reachable(start: string | undefined, edges: readonly GraphEdge[]): Set<string> {
  const seen = new Set<string>(start === undefined ? [] : [start]);
  for (const id of seen) for (const { from, to } of edges) if (from === id) seen.add(to);
  return seen;
}
