/** `lock`: shared with who asked, and to be something else than 0 before it begins. */
export type Spin = { readonly ms: number; readonly value: unknown; readonly lock?: Int32Array<SharedArrayBuffer> };

/** Computes for so long, then answers what it was given. Runs on a thread of the pool. */
export default function spin({ input: { ms, value, lock } }: { input: Spin }): unknown {
  if (value === 'fail') throw new Error('It was to fail');
  if (lock) Atomics.wait(lock, 0, 0);
  for (const until = performance.now() + ms; performance.now() < until; );
  return value;
}
