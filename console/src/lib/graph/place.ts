/** Something that takes room on a layer: a node, or the place where an edge passes. */
export type Cell = { id: string; width: number; up: string[]; down: string[] };

const SWEEPS = 12;

/** Orders each layer so that few edges cross: again and again by the middle of the neighbours above, then below. */
export function ordered(layers: readonly Cell[][]): Cell[][] {
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(best);
  let now = best;
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    const down = sweep % 2 === 0;
    now = sweptOnce(now, down);
    const count = crossings(now);
    if (count < fewest) [best, fewest] = [now, count];
  }
  return best;
}

function sweptOnce(layers: readonly Cell[][], down: boolean): Cell[][] {
  const next = layers.map((layer) => [...layer]);
  const at = down ? [...next.keys()].slice(1) : [...next.keys()].slice(0, -1).reverse();
  for (const i of at) {
    const beside = new Map((next[down ? i - 1 : i + 1] as Cell[]).map(({ id }, place) => [id, place]));
    const layer = next[i] as Cell[];
    const wish = new Map(
      layer.map((cell, place) => [
        cell.id,
        mean((down ? cell.up : cell.down).map((id) => beside.get(id) ?? 0)) ?? place,
      ]),
    );
    layer.sort((a, b) => (wish.get(a.id) ?? 0) - (wish.get(b.id) ?? 0));
  }
  return next;
}

/** How many pairs of edges between neighbouring layers cross. */
export function crossings(layers: readonly Cell[][]): number {
  let count = 0;
  for (const [i, layer] of layers.entries()) {
    const below = new Map((layers[i + 1] ?? []).map(({ id }, place) => [id, place]));
    const ends = layer.flatMap(({ down }) => down.map((id) => below.get(id) ?? 0).sort((a, b) => a - b));
    for (const [a, end] of ends.entries()) for (let b = a + 1; b < ends.length; b++) if (end > (ends[b] ?? 0)) count++;
  }
  return count;
}

/** The middle of each cell from left to right: near its neighbours, in its layer's order, never upon another. */
export function columns(layers: readonly Cell[][], gap: number): Map<string, number> {
  const x = new Map<string, number>();
  for (const layer of layers) {
    let left = 0;
    for (const { id, width } of layer) {
      x.set(id, left + width / 2);
      left += width + gap;
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : layers.toReversed()) {
      const wishes = layer.map((cell) => {
        // The last sweeps weigh both sides: an edge that passes is drawn straight.
        const near = sweep >= SWEEPS - 4 ? [...cell.up, ...cell.down] : down ? cell.up : cell.down;
        return mean(near.map((id) => x.get(id) ?? 0)) ?? x.get(cell.id) ?? 0;
      });
      for (const [i, place] of apart(layer, wishes, gap).entries()) x.set((layer[i] as Cell).id, place);
    }
  }
  return x;
}

/** The places nearest to what is wished, by least squares, that keep the order and the distances. */
function apart(layer: readonly Cell[], wishes: readonly number[], gap: number): number[] {
  const offsets: number[] = [];
  let offset = 0;
  for (const [i, { width }] of layer.entries()) {
    if (i > 0) offset += (width + (layer[i - 1] as Cell).width) / 2 + gap;
    offsets.push(offset);
  }
  // Less the distances, the places must not fall: neighbours that would are pooled to their mean.
  const pools: { sum: number; size: number }[] = [];
  for (const [i, wish] of wishes.entries()) {
    let pool = { sum: wish - (offsets[i] ?? 0), size: 1 };
    for (let last = pools.at(-1); last && last.sum / last.size > pool.sum / pool.size; last = pools.at(-1)) {
      pools.pop();
      pool = { sum: pool.sum + last.sum, size: pool.size + last.size };
    }
    pools.push(pool);
  }
  const places = pools.flatMap(({ sum, size }) => Array.from({ length: size }, () => sum / size));
  return places.map((place, i) => place + (offsets[i] ?? 0));
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
