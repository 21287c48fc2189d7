/** A reporter of tests that writes one line of JSON at the end: what was counted, what was skipped, how long it took. */
import path from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { root } from '../lib/say.ts';

export type Summary = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  /** Percent of lines, where coverage was taken. */
  readonly lines?: number;
  /** Milliseconds, by name: of files, and of tests on the first level. */
  readonly took: Readonly<Record<string, number>>;
};

export default async function* summary(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped: string[] = [];
  let passed = 0;
  let failed = 0;
  let lines: number | undefined;
  const took: Record<string, number> = {};
  for await (const { type, data } of events) {
    if (type === 'test:coverage') lines = data.summary.totals.coveredLinePercent;
    // Among these are the files: as processes by their whole path, as suites of a group by their name.
    if (type === 'test:complete' && data.nesting === 0)
      took[path.relative(root, path.resolve(root, data.name))] = data.details.duration_ms;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A suite has failed when one of its tests has, which is counted already; but not when its hooks did.
    if (data.details.type === 'suite' && !(type === 'test:fail' && isOwn(data.details.error))) continue;
    if (type === 'test:fail') failed += 1;
    else if (data.skip !== undefined && data.skip !== false) skipped.push(told(data.name, data.skip));
    else passed += 1;
  }
  yield JSON.stringify({ passed, failed, skipped, took, ...(lines !== undefined && { lines }) } satisfies Summary);
}

const isOwn = (error: Error) => (error as { failureType?: string }).failureType !== 'subtestsFailed';

const told = (name: string, why: string | boolean) => (typeof why === 'string' && why ? `${name} (${why})` : name);
