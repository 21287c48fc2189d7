import { readdirSync, readFileSync } from 'node:fs';
import { isMet, type Target } from './targets.ts';

/** What the bench adds to each scenario's own result. */
export type Recorded = {
  readonly scenario: string;
  readonly at: string;
  readonly machine: Readonly<Record<string, string | number>>;
  /** Of the machine, before the run: with more than it has cores, times are those of a busy machine. */
  readonly load_before?: number;
  readonly ahead_of_them?: boolean;
  readonly targets?: readonly Target[];
};

/** Everything that is recorded, in the order of the names. */
export const recorded = (dir: string): Recorded[] =>
  readdirSync(dir)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(`${dir}/${file}`, 'utf8')) as Recorded);

const HEAD = ['scenario', 'what', 'measured', 'target', '', 'load', 'on'];

function rows(results: readonly Recorded[]): string[][] {
  return results.flatMap(({ scenario, at, load_before, ahead_of_them, targets = [] }) =>
    targets.map((target) => {
      const { what, measured, unit } = target;
      const with_ = (value: number | null) => (value === null ? 'not measured' : `${figure(value)} ${unit}`.trim());
      const target_ = 'at_most' in target ? `≤ ${with_(target.at_most)}` : `≥ ${with_(target.at_least)}`;
      const load = load_before === undefined ? '' : `${load_before}${ahead_of_them ? ', came first' : ''}`;
      return [scenario, what, with_(measured), target_, isMet(target) ? 'met' : 'missed', load, at.slice(0, 10)];
    }),
  );
}

const figure = (value: number) => value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 1 });

const machines = (results: readonly Recorded[]) => [
  ...new Set(
    results.map(
      ({ machine: { cpu, cores, memory_gib, platform, node } }) =>
        `${cores} cores (${cpu}), ${memory_gib} GiB, ${platform}, Node ${String(node).replace(/^v/, '')}`,
    ),
  ),
];

/** For a terminal. */
export function asText(results: readonly Recorded[]): string {
  const lines = [HEAD, ...rows(results)];
  const widths = HEAD.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${[...machines(results), '', ...text].join('\n')}\n`;
}

/** For `results/README.md`. */
export function asMarkdown(results: readonly Recorded[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `# What the bench measured

Made by \`make bench\` from the files beside it; \`make bench B=table\` prints it. On ${machines(results).join('; ')}. *Load* is
what the machine had to do before the run: with more than there are cores, others were at work beside it, and *came first* says
that the bench's processes were preferred to theirs (\`chrt -r 1\`).

${[line(HEAD), line(HEAD.map(() => '---')), ...rows(results).map(line)].join('\n')}
`;
}
