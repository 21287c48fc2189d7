#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// First of all: with it, 300 files start in 190 ms instead of 470 (measured).
enableCompileCache();

const { main } = await import('./commands/main.ts');

const abort = new AbortController();
let signals = 0;
for (const name of ['SIGTERM', 'SIGINT'] as const)
  process.on(name, () => {
    // The second one is a person who does not want to wait for the draining.
    if (++signals > 1) process.exit(1);
    abort.abort();
  });

process.exitCode = await main(process.argv.slice(2), {
  signal: abort.signal,
  out: (line) => void process.stdout.write(`${line}\n`),
  say: (line) => void process.stderr.write(`${line}\n`),
});
// What still runs here (a keep-alive connection of a provider, say) must not keep a stopped program alive.
process.exit();
