/** Computes for so long, then answers what it was given. Runs on a thread of the pool. */
export default function spin({ input: { ms, value } }: { input: { ms: number; value: unknown } }): unknown {
  if (value === 'fail') throw new Error('It was to fail');
  for (const until = performance.now() + ms; performance.now() < until; );
  return value;
}
