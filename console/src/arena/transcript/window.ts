/**
 * Which rows of a long list are drawn, and where. Heights that were not measured yet are estimated; when they become
 * known, the reading position is kept. Pure: the browser's part is in use-window.ts.
 */
export type Row = { key: number; estimate: number };

/** Where every row begins, and (one more) where the list ends. */
export function offsetsOf(rows: readonly Row[], measured: ReadonlyMap<number, number>): Float64Array {
  const offsets = new Float64Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Row;
    offsets[i + 1] = (offsets[i] as number) + (measured.get(row.key) ?? row.estimate);
  }
  return offsets;
}

/** The last row that begins at or before this place. */
export function rowAt(offsets: Float64Array, place: number): number {
  let [low, high] = [0, offsets.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] as number) <= place) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

export type Span = { from: number; to: number; before: number; after: number };

/** The rows to draw for what is seen and a margin on both sides; what is left out is told as empty space. */
export function spanOf(offsets: Float64Array, seen: { top: number; height: number; margin: number }): Span {
  const rows = offsets.length - 1;
  const end = offsets[rows] as number;
  if (rows === 0) return { from: 0, to: 0, before: 0, after: 0 };
  const from = rowAt(offsets, seen.top - seen.margin);
  const to = Math.min(rows, rowAt(offsets, seen.top + seen.height + seen.margin) + 1);
  return { from, to, before: offsets[from] as number, after: end - (offsets[to] as number) };
}

/** A place to come back to: a row, and how far into it. */
export type Anchor = { key: number; into: number };

export function anchorAt(rows: readonly Row[], offsets: Float64Array, top: number): Anchor | undefined {
  const at = rowAt(offsets, top);
  const row = rows[at];
  return row && { key: row.key, into: top - (offsets[at] as number) };
}

/** Where an anchor is now; undefined when its row has gone. */
export function topOf(anchor: Anchor, rows: readonly Row[], offsets: Float64Array): number | undefined {
  // Keys only grow.
  let [low, high] = [0, rows.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const key = (rows[middle] as Row).key;
    if (key === anchor.key) return (offsets[middle] as number) + anchor.into;
    if (key < anchor.key) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** About how tall a text is: lines of so many letters, paragraphs apart. */
export function estimateHeight(text: string, letters: number): number {
  let lines = 0;
  for (const line of text.split('\n')) lines += Math.max(0.6, Math.ceil(line.length / letters));
  return 88 + lines * 29;
}
