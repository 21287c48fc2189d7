import { setImmediate as turn } from 'node:timers/promises';

/** What one process keeps, after its garbage has gone, in bytes. */
export type Kept = { readonly heap: number; readonly external: number; readonly rss: number };

/**
 * Loaded into a measured server before its own code (`--expose-gc --import`): on each message of the benchmark it
 * collects all garbage and answers with what is left. Twice, since what a finaliser frees goes with the next one.
 */
process.on('message', async () => {
  for (let i = 0; i < 2; i += 1) {
    (globalThis as { gc?: () => void }).gc?.();
    await turn();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  process.send?.({ heap: heapUsed, external, rss } satisfies Kept);
});
// The benchmark's end of the line must not keep a stopped server alive.
process.channel?.unref();
