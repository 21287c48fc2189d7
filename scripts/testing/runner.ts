/**
 * Runs what the plan in the file of its argument says, in that order: `node --test` would sort it by name. Reports to
 * standard output, and at the end writes a summary.
 */
import { createWriteStream, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { root } from '../lib/say.ts';
import summary from './summary.ts';

export type Order = {
  readonly files: readonly string[];
  readonly summaryFile: string;
  /** Percent of lines that must be run; without it coverage is not taken. */
  readonly lines?: number;
};

/** For what hangs: tests are quick, and machines may be slow. */
const TEST_TIMEOUT_MS = 300_000;
/** A file that leaves something running does not end, and would hold up the run for ever. */
const LEG_TIMEOUT_MS = 30 * 60_000;
const { files, summaryFile, lines } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Order;
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

const results = run({
  files,
  cwd: root,
  // They wait for databases, pages and timers, too.
  concurrency: Math.max(4, availableParallelism()),
  timeout: TEST_TIMEOUT_MS,
  signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(LEG_TIMEOUT_MS)]),
  ...(lines !== undefined && {
    coverage: true,
    lineCoverage: lines,
    coverageIncludeGlobs: 'src/**',
    coverageExcludeGlobs: ['src/**/*.test.ts', 'src/gen/**'],
  }),
});
results.on('test:fail', () => {
  process.exitCode = 1;
});
results.compose(new spec()).pipe(process.stdout);
results.compose(summary).pipe(createWriteStream(summaryFile));
