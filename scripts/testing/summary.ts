/** A reporter of `node --test` that writes one line of JSON at the end: what was counted, what was skipped. */
import type { TestEvent } from 'node:test/reporters';

export type Summary = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  /** Percent of lines, where coverage was taken. */
  readonly lines?: number;
};

export default async function* summary(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped: string[] = [];
  let passed = 0;
  let failed = 0;
  let lines: number | undefined;
  for await (const { type, data } of events) {
    if (type === 'test:coverage') lines = data.summary.totals.coveredLinePercent;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details.type === 'suite') continue;
    if (type === 'test:fail') failed += 1;
    else if (data.skip !== undefined && data.skip !== false) skipped.push(told(data.name, data.skip));
    else passed += 1;
  }
  yield JSON.stringify({ passed, failed, skipped, ...(lines !== undefined && { lines }) } satisfies Summary);
}

const told = (name: string, why: string | boolean) => (typeof why === 'string' && why ? `${name} (${why})` : name);
