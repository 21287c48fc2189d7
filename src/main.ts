#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// First of all: with it, 300 files start in 190 ms instead of 470 (measured).
enableCompileCache();

const { main } = await import('./commands/main.ts');

const abort = new AbortController();
let firstMs = 0;
for (const name of ['SIGTERM', 'SIGINT'] as const)
  process.on(name, () => {
    // A second one is a person who does not want to wait for the draining. But one Ctrl-C may arrive twice: from the
    // terminal, and from whoever started us and passes it on.
    if (firstMs > 0 && performance.now() - firstMs > 1000) process.exit(1);
    firstMs ||= performance.now();
    abort.abort();
  });

process.exitCode = await main(process.argv.slice(2), {
  signal: abort.signal,
  out: (line) => void process.stdout.write(`${line}\n`),
  say: (line) => void process.stderr.write(`${line}\n`),
});
// A pipe takes what was printed a piece at a time, and exit() would not wait for it.
await new Promise((flushed) => process.stdout.write('', flushed));
// What still runs here (a keep-alive connection of a provider, say) must not keep a stopped program alive.
process.exit();
