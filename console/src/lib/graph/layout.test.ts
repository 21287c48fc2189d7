import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { downwards, ranks } from './layers.ts';
import { type GraphEdge, type GraphNode, layout, shortened } from './layout.ts';
import { type Cell, columns, crossings, ordered } from './place.ts';

const named = (...ids: string[]): GraphNode[] => ids.map((id) => ({ id, label: id }));
const SUPPORT = {
  nodes: named('triage', 'billing', 'technical', 'lead'),
  edges: [
    { from: 'triage', to: 'billing', when: 'refund' },
    { from: 'triage', to: 'technical' },
    { from: 'billing', to: 'lead' },
    { from: 'technical', to: 'lead' },
    { from: 'lead', to: 'triage', when: 'reopen' },
  ],
};

test('a hand-over graph goes from the start downwards, and its way back goes up', () => {
  const { nodes, edges } = layout(SUPPORT.nodes, SUPPORT.edges, 'triage');
  const y = Object.fromEntries(nodes.map(({ id, y }) => [id, y]));
  assert.ok(Number(y.triage) < Number(y.billing) && y.billing === y.technical && Number(y.technical) < Number(y.lead));
  const back = edges.find(({ index }) => index === 4);
  assert.ok((back?.points[0]?.y ?? 0) > (back?.points.at(-1)?.y ?? 0));
  assert.deepEqual(
    edges.flatMap(({ label }) => (label ? [label.text] : [])),
    ['refund', 'reopen'],
  );
});

test('the start is on top, and whom nothing reaches is told', () => {
  const { nodes } = layout(named('a', 'b', 'c'), [{ from: 'b', to: 'a' }], 'b');
  const [a, b, c] = nodes;
  assert.ok(a && b && c && b.y < a.y);
  assert.deepEqual([a.reached, b.reached, c.reached], [true, true, false]);
});

test('edges that lead nowhere are not drawn, and one to itself is a loop at its side', () => {
  const { nodes, edges } = layout(named('a'), [
    { from: 'a', to: 'gone' },
    { from: 'a', to: 'a', when: 'again' },
  ]);
  assert.deepEqual(
    edges.map(({ index }) => index),
    [1],
  );
  assert.ok((edges[0]?.points[1]?.x ?? 0) > (nodes[0]?.x ?? 0) + (nodes[0]?.width ?? 0) / 2);
  assert.deepEqual(layout([], []), { width: 0, height: 0, nodes: [], edges: [] });
});

test('long words end with an ellipsis', () => {
  assert.deepEqual(
    [shortened('refund', 6), shortened('refunds', 6), shortened('🙂🙂🙂', 2)],
    ['refund', 'refun…', '🙂…'],
  );
});

const graphs = fc.integer({ min: 1, max: 9 }).chain((size) =>
  fc.record({
    nodes: fc.constant(named(...Array.from({ length: size }, (_, i) => `node-${i}`))),
    edges: fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: size - 1 }).map((i) => `node-${i}`),
        to: fc.integer({ min: 0, max: size - 1 }).map((i) => `node-${i}`),
        when: fc.option(fc.string({ maxLength: 40 })),
      }),
      { maxLength: 16 },
    ),
  }),
);
type Box = { x: number; y: number; width: number; height: number };
const apart = (a: Box, b: Box): boolean =>
  Math.abs(a.x - b.x) >= (a.width + b.width) / 2 - 0.01 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2 - 0.01;

test('whatever the graph: all inside the frame, nothing on top of another, and the same graph looks the same', () => {
  fc.assert(
    fc.property(graphs, ({ nodes, edges }: { nodes: GraphNode[]; edges: GraphEdge[] }) => {
      const drawn = layout(nodes, edges);
      assert.deepEqual(drawn, layout(nodes, edges));
      assert.equal(drawn.nodes.length, nodes.length);
      assert.equal(drawn.edges.length, edges.length);
      const straight = drawn.edges.filter(({ index }) => edges[index]?.from !== edges[index]?.to);
      const boxes = [...drawn.nodes, ...straight.flatMap(({ label }) => (label ? [{ ...label, height: 18 }] : []))];
      for (const [i, box] of boxes.entries()) {
        assert.ok(box.x - box.width / 2 >= 0 && box.x + box.width / 2 <= drawn.width, 'within the width');
        assert.ok(box.y - box.height / 2 >= 0 && box.y + box.height / 2 <= drawn.height, 'within the height');
        for (const other of boxes.slice(i + 1)) assert.ok(apart(box, other), 'apart');
      }
      for (const { index, points } of straight) {
        const [from, to] = [edges[index]?.from, edges[index]?.to].map((id) => drawn.nodes.find((n) => n.id === id));
        for (const [node, end] of [
          [from, points[0]],
          [to, points.at(-1)],
        ] as const) {
          assert.ok(node && end && Math.abs(end.x - node.x) <= node.width / 2, 'an edge ends at its node');
          assert.equal(Math.abs(end.y - node.y), node.height / 2);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('whatever the graph: below everything that leads to it', () => {
  fc.assert(
    fc.property(graphs, ({ nodes, edges }) => {
      const ids = nodes.map(({ id }) => id);
      const down = downwards(ids, edges, ids[0]);
      const rank = ranks(ids, down);
      for (const { upper, lower } of down) assert.ok(Number(rank.get(upper)) < Number(rank.get(lower)));
      assert.equal(down.length, edges.filter(({ from, to }) => from !== to).length);
    }),
  );
});

test('a crossing that need not be is undone, and columns keep order and distance', () => {
  const cell = (id: string, up: string[], down: string[]): Cell => ({ id, width: 50, up, down });
  const crossed = [
    [cell('a', [], ['d']), cell('b', [], ['c'])],
    [cell('c', ['b'], []), cell('d', ['a'], [])],
  ];
  assert.equal(crossings(crossed), 1);
  const free = ordered(crossed);
  assert.equal(crossings(free), 0);
  const x = columns(free, 10);
  for (const [left, right] of free) {
    const distance = (x.get(right?.id ?? '') ?? 0) - (x.get(left?.id ?? '') ?? 0);
    assert.ok(distance >= 60 - 1e-9);
  }
});
