import { downwards, ranks, reachable } from './layers.ts';
import { type Cell, columns, ordered } from './place.ts';

export type GraphNode = { id: string; label: string };
export type GraphEdge = { from: string; to: string; when?: string | null | undefined };
export type Point = { x: number; y: number };
export type PlacedNode = Point & { id: string; width: number; height: number; reached: boolean };
export type PlacedEdge = {
  /** Its place in what was given. */
  index: number;
  /** From where it starts to where its arrow points. */
  points: Point[];
  /** Where its condition is written; undefined where it has none. */
  label: (Point & { text: string; width: number }) | undefined;
};
export type Layout = { width: number; height: number; nodes: PlacedNode[]; edges: PlacedEdge[] };

const NODE = { height: 40, least: 72, most: 200, letter: 7.6, room: 46 };
const LABEL = { height: 18, most: 22, letter: 6, room: 14 };
const GAP = { beside: 22, labelled: 40, bare: 26, edge: 14 };
const LOOP = 26;

/** Letters that may be shown; longer ones end with an ellipsis. */
export function shortened(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most
    ? text
    : `${letters
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`;
}

/** What a node's name is shown as. */
export const nodeLabel = (label: string): string => shortened(label, 20);

const nodeWidth = ({ label }: GraphNode): number =>
  Math.min(NODE.most, Math.max(NODE.least, [...nodeLabel(label)].length * NODE.letter + NODE.room));
const labelWidth = (text: string): number => [...text].length * LABEL.letter + LABEL.room;
const labelOf = ({ when }: GraphEdge): string => (when ? shortened(when, LABEL.most) : '');

/**
 * Places nodes in layers, from the start downwards, and leads edges round them: no two nodes and no two labels share a
 * place. Between two layers of nodes is one of labels, so that every edge has a column of its own.
 */
export function layout(nodes: readonly GraphNode[], edges: readonly GraphEdge[], start?: string): Layout {
  const first = start ?? nodes[0]?.id;
  const ids = nodes.map(({ id }) => id);
  const down = downwards(ids, edges, first);
  const rank = ranks(ids, down);
  const beside = loopRoom(edges);
  const cells = new Map<string, Cell>(
    nodes.map((node) => [node.id, cell(node.id, nodeWidth(node) + 2 * (beside.get(node.id) ?? 0))]),
  );
  const layers: Cell[][] = Array.from({ length: 2 * Math.max(0, ...rank.values()) + 1 }, () => []);
  for (const id of ids) layers[2 * (rank.get(id) ?? 0)]?.push(cells.get(id) as Cell);
  const ways = new Map<number, string[]>();
  for (const { index, upper, lower } of down) {
    const way = [upper];
    const [from, to] = [2 * (rank.get(upper) ?? 0), 2 * (rank.get(lower) ?? 0)];
    const text = labelOf(edges[index] as GraphEdge);
    const middle = from + 1 + 2 * Math.floor((to - from - 2) / 4);
    for (let layer = from + 1; layer < to; layer++) {
      const passing = cell(`edge ${index} ${layer}`, layer === middle && text !== '' ? labelWidth(text) : GAP.edge);
      cells.set(passing.id, passing);
      layers[layer]?.push(passing);
      way.push(passing.id);
    }
    way.push(lower);
    ways.set(index, way);
    for (const [i, id] of way.slice(0, -1).entries()) {
      cells.get(id)?.down.push(way[i + 1] as string);
      cells.get(way[i + 1] as string)?.up.push(id);
    }
  }
  const sorted = ordered(layers);
  const x = columns(sorted, GAP.beside);
  const rows = rowsOf(sorted, edges);
  const y = new Map(sorted.flatMap((layer, i) => layer.map(({ id }) => [id, rows[i] ?? 0] as const)));
  const at = (id: string): Point => ({ x: x.get(id) ?? 0, y: y.get(id) ?? 0 });
  const reached = reachable(first, edges);
  const placed = nodes.map((node) => ({
    ...{ id: node.id, ...at(node.id), width: nodeWidth(node), height: NODE.height },
    reached: reached.has(node.id),
  }));
  const widths = new Map(placed.map(({ id, width }) => [id, width]));
  const drawn: PlacedEdge[] = down.map(({ index, turned }) => {
    const way = ways.get(index) as string[];
    const points = way.map((id, i) => {
      if (i > 0 && i < way.length - 1) return at(id);
      const end = { ...(cells.get(id) as Cell), width: widths.get(id) ?? 0 };
      return port(id, { cell: end, to: way[i === 0 ? 1 : i - 1] as string, x, at });
    });
    const text = labelOf(edges[index] as GraphEdge);
    const wide = way.find((id) => (cells.get(id)?.width ?? 0) > GAP.edge && id.startsWith('edge '));
    const label = text === '' || wide === undefined ? undefined : { ...at(wide), text, width: labelWidth(text) };
    return { index, points: turned ? points.reverse() : points, label };
  });
  return framed({ nodes: placed, edges: [...drawn, ...loops(placed, edges)] });
}

/** How much an edge to itself needs at a node's side. */
function loopRoom(edges: readonly GraphEdge[]): Map<string, number> {
  const room = new Map<string, number>();
  for (const edge of edges) {
    if (edge.from !== edge.to) continue;
    const text = labelOf(edge);
    room.set(edge.from, Math.max(room.get(edge.from) ?? 0, LOOP + (text === '' ? 0 : labelWidth(text))));
  }
  return room;
}

const cell = (id: string, width: number): Cell => ({ id, width, up: [], down: [] });

/** Where each layer stands. A layer of labels is as high as it needs. */
function rowsOf(layers: readonly Cell[][], edges: readonly GraphEdge[]): number[] {
  const rows: number[] = [];
  let y = NODE.height / 2;
  for (const [i, layer] of layers.entries()) {
    if (i > 0) {
      const labels = layers[i % 2 === 1 ? i : i - 1] ?? layer;
      const labelled = labels.some(({ id }) => labelOf(edges[Number(id.split(' ')[1])] ?? { from: '', to: '' }) !== '');
      y += NODE.height / 2 + (labelled ? GAP.labelled : GAP.bare) - (labelled ? 8 : 6);
    }
    rows.push(y);
  }
  return rows;
}

type Port = { cell: Cell; to: string; x: ReadonlyMap<string, number>; at(id: string): Point };

/** Edges leave and enter a node side by side, in the order of where they lead. */
function port(id: string, { cell: { up, down, width }, to, x, at }: Port): Point {
  const below = down.includes(to);
  const side = [...(below ? down : up)].sort((a, b) => (x.get(a) ?? 0) - (x.get(b) ?? 0));
  const step = Math.min(26, (width - 24) / Math.max(1, side.length));
  const { x: middle, y } = at(id);
  return {
    x: middle + (side.indexOf(to) - (side.length - 1) / 2) * step,
    y: y + ((below ? 1 : -1) * NODE.height) / 2,
  };
}

/** From a node to itself: a loop at its right. */
function loops(nodes: readonly PlacedNode[], edges: readonly GraphEdge[]): PlacedEdge[] {
  return edges.flatMap((edge, index) => {
    const node = nodes.find(({ id }) => id === edge.from);
    if (edge.from !== edge.to || !node) return [];
    const right = node.x + node.width / 2;
    const points = [
      { x: right, y: node.y - 9 },
      { x: right + LOOP, y: node.y },
      { x: right, y: node.y + 9 },
    ];
    const text = labelOf(edge);
    const width = labelWidth(text);
    const label = text === '' ? undefined : { x: right + LOOP + width / 2, y: node.y, text, width };
    return [{ index, points, label }];
  });
}

/** Moved so that everything begins at 0, with room round it for lines and shadows. */
function framed({ nodes, edges }: Pick<Layout, 'nodes' | 'edges'>): Layout {
  const margin = 10;
  const boxes = [
    ...nodes.map(({ x, y, width, height }) => ({ x, y, width, height })),
    ...edges.flatMap(({ points, label }) => [
      ...points.map((point) => ({ ...point, width: 0, height: 0 })),
      ...(label ? [{ ...label, height: LABEL.height }] : []),
    ]),
  ];
  if (boxes.length === 0) return { width: 0, height: 0, nodes: [], edges: [] };
  const left = Math.min(...boxes.map(({ x, width }) => x - width / 2)) - margin;
  const top = Math.min(...boxes.map(({ y, height }) => y - height / 2)) - margin;
  const right = Math.max(...boxes.map(({ x, width }) => x + width / 2)) + margin;
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height / 2)) + margin;
  const move = <T extends Point>(point: T): T => ({ ...point, x: point.x - left, y: point.y - top });
  return {
    width: right - left,
    height: bottom - top,
    nodes: nodes.map(move),
    edges: edges.map(({ index, points, label }) => ({
      index,
      points: points.map(move),
      label: label && move(label),
    })),
  };
}
