import { type ReactNode, useId, useMemo } from 'react';
import {
  type GraphEdge,
  layout,
  nodeLabel,
  type PlacedEdge,
  type PlacedNode,
  type Point,
} from '../lib/graph/layout.ts';
import { initials } from '../lib/speakers.ts';

export type GraphSpeaker = { id: string; name: string; kind: 'agent' | 'user' | 'seat'; hue: number };

type GraphProps = {
  speakers: readonly GraphSpeaker[];
  edges: readonly GraphEdge[];
  /** Who begins. Absent: the first. */
  start?: string | undefined;
  /** Who has the word now. */
  current?: string | undefined;
  /** The edge that is spoken of: its place in `edges`. */
  marked?: number | undefined;
  /** How often each edge was taken, by its place. */
  travelled?: readonly number[] | undefined;
  /** False where the edges are listed beside the drawing anyhow. */
  listed?: boolean;
};

/** Who may hand over to whom, drawn. For who cannot see it, every edge is a line of text. */
export function Graph(props: GraphProps): ReactNode {
  const { speakers, edges, start, current, marked, travelled, listed = true } = props;
  const first = start ?? speakers[0]?.id;
  const placed = useMemo(
    () =>
      layout(
        speakers.map(({ id, name }) => ({ id, label: name })),
        edges,
        first,
      ),
    [speakers, edges, first],
  );
  const list = useId();
  if (speakers.length === 0) return null;
  const nameOf = (id: string): string => speakers.find((speaker) => speaker.id === id)?.name ?? '?';
  const summary = `A graph of ${speakers.length} speakers and ${edges.length} edges. ${nameOf(first ?? '')} begins.`;
  return (
    <figure className="graph">
      <svg
        role="img"
        aria-label={summary}
        aria-describedby={listed ? list : undefined}
        viewBox={`0 0 ${placed.width} ${placed.height}`}
        style={{ maxWidth: `${placed.width}px` }}
      >
        {placed.edges.map((edge) => (
          <Edge
            key={edge.index}
            edge={edge}
            marked={marked === edge.index}
            taken={travelled?.[edge.index] ?? 0}
            conditional={Boolean(edges[edge.index]?.when)}
          />
        ))}
        {placed.nodes.map((node) => {
          const speaker = speakers.find(({ id }) => id === node.id) as GraphSpeaker;
          return (
            <Node key={node.id} node={node} speaker={speaker} begins={node.id === first} now={node.id === current} />
          );
        })}
        {placed.edges.map((edge) => (
          <Label key={edge.index} edge={edge} full={edges[edge.index]?.when ?? ''} marked={marked === edge.index} />
        ))}
      </svg>
      {listed && (
        <ul id={list} className="visually-hidden">
          {edges.map((edge, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: an edge is its place in the list
            <li key={index}>{edgeText(edge, nameOf)}</li>
          ))}
        </ul>
      )}
    </figure>
  );
}

/** `from triage to billing, when “refund” is said`. */
export function edgeText({ from, to, when }: GraphEdge, nameOf: (id: string) => string): string {
  return `from ${nameOf(from)} to ${nameOf(to)}${when ? `, when “${when}” is said` : ''}`;
}

type EdgeProps = { edge: PlacedEdge; marked: boolean; taken: number; conditional: boolean };

function Edge({ edge, marked, taken, conditional }: EdgeProps): ReactNode {
  const classes = [
    'graph-edge',
    conditional && 'graph-edge-when',
    marked && 'graph-edge-marked',
    taken > 0 && 'graph-edge-taken',
  ];
  const [tip, before] = [edge.points.at(-1) as Point, edge.points.at(-2) as Point];
  // An arrow enters from above or below; a loop, from the side.
  const angle = edge.points.length === 3 && edge.points[0]?.x === tip.x ? 180 : before.y < tip.y ? 90 : -90;
  return (
    <g className={classes.filter(Boolean).join(' ')}>
      <path d={curve(edge.points)} style={{ strokeWidth: Math.min(4, 1.5 + taken * 0.35) }} />
      <path className="graph-tip" d="M0 0-8-4.500v9z" transform={`translate(${tip.x} ${tip.y}) rotate(${angle})`} />
    </g>
  );
}

/** Through all points, upright at each of them. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points as [Point, ...Point[]];
  const last = rest.at(-1) as Point;
  if (rest.length === 2 && first.x === last.x && rest[0] && rest[0].x > first.x + 20 && last.y - first.y < 20) {
    return `M${first.x} ${first.y}C${rest[0].x} ${first.y - 10} ${rest[0].x} ${last.y + 10} ${last.x} ${last.y}`;
  }
  let path = `M${first.x} ${first.y}`;
  let from = first;
  for (const to of rest) {
    const middle = (from.y + to.y) / 2;
    path += `C${from.x} ${middle} ${to.x} ${middle} ${to.x} ${to.y}`;
    from = to;
  }
  return path;
}

function Node(props: { node: PlacedNode; speaker: GraphSpeaker; begins: boolean; now: boolean }): ReactNode {
  const { node, speaker, begins, now } = props;
  const { x, y, width, height } = node;
  const [left, top] = [x - width / 2, y - height / 2];
  const classes = ['graph-node', `hue-${speaker.hue}`, now && 'graph-node-now', !node.reached && 'graph-node-lost'];
  return (
    <g className={classes.filter(Boolean).join(' ')}>
      <title>{speaker.name + (begins ? ', who begins' : '') + (node.reached ? '' : ', whom no edge reaches')}</title>
      {begins && (
        <rect className="graph-begins" x={left - 4} y={top - 4} width={width + 8} height={height + 8} rx={14} />
      )}
      <rect
        className="graph-box"
        x={left}
        y={top}
        width={width}
        height={height}
        rx={speaker.kind === 'agent' ? 10 : height / 2}
      />
      <text className="graph-initials" x={left + 19} y={y}>
        {initials(speaker.name)}
      </text>
      <text className="graph-name" x={left + 36} y={y}>
        {nodeLabel(speaker.name)}
      </text>
    </g>
  );
}

function Label({ edge: { label }, full, marked }: { edge: PlacedEdge; full: string; marked: boolean }): ReactNode {
  if (!label) return null;
  return (
    <g className={marked ? 'graph-label graph-label-marked' : 'graph-label'}>
      <title>{full}</title>
      <rect x={label.x - label.width / 2} y={label.y - 9.5} width={label.width} height={19} rx={9.5} />
      <text x={label.x} y={label.y}>
        {label.text}
      </text>
    </g>
  );
}
