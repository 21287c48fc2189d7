import type { ClusterOutcome, Recovery } from './cluster/cluster.ts';
import { counted, type Fault } from './verdict.ts';

const SHOWN = 50;

/** The value that a share of them does not exceed, by the nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;

export function spread(values: readonly number[]): string {
  const [p50 = '', p95 = '', max = ''] = [0.5, 0.95, 1].map((share) => seconds(percentile(values, share)));
  return `p50 ${p50}, p95 ${p95}, at most ${max}`;
}

/** A line for each kind of mishap: how often, and how soon everybody was back. */
export function recoveryLines(recoveries: readonly Recovery[]): string[] {
  const kinds = Map.groupBy(recoveries, ({ name }) => name);
  const width = Math.max(...[...kinds.keys()].map(({ length }) => length));
  return [...kinds]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, these]) => `  ${name.padEnd(width)}  ${times(these.length)}  ${spread(these.map(({ ms }) => ms))}`);
}

const times = (count: number): string => `${count}×`.padStart(4);

export function faultLines(faults: readonly Fault[]): string[] {
  const told = faults.slice(0, SHOWN).map(({ wrong, what }) => `  ${wrong}: ${what}`);
  return faults.length > SHOWN ? [...told, `  … and ${faults.length - SHOWN} more`] : told;
}

const HEAD = [
  ...['seed', 'mishaps', 'lost', 'doubled', 'out of order', 'holes', 'other', 'requeued', 'back p50', 'p95', 'max'],
  'naive lost',
];

/** One line a seed, with a head. */
export function table(rows: readonly { readonly seed: number; readonly outcome: ClusterOutcome }[]): string[] {
  const cells = rows.map(({ seed, outcome }) => {
    const { recoveries, requeued, left, naive } = outcome;
    const counts = counted(outcome.faults);
    const at = (share: number) =>
      seconds(
        percentile(
          recoveries.map(({ ms }) => ms),
          share,
        ),
      );
    return [
      ...[seed, recoveries.length, counts.lost, counts.doubled, counts['out of order'], counts.holes, counts.other],
      ...[`${requeued - left} of ${requeued}`, at(0.5), at(0.95), at(1), `${naive.lost} of ${naive.written}`],
    ].map(String);
  });
  const lines = [HEAD, ...cells];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) => line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '));
}
