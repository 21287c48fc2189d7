/** `make example NAME=…`: runs examples/NAME/main.ts, or all of them, or says which examples there are. */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { node, run } from './lib/run.ts';
import { print, root, say } from './lib/say.ts';

/** Most of an example is waiting for words to be said. In `make cluster` they share one server, which one of them kills. */
const AT_ONCE = process.env.PARLEY_CLUSTER_URL ? 1 : 3;

const mainOf = (name: string): string => path.join('examples', name, 'main.ts');
const names = globSync(mainOf('*'), { cwd: root })
  .map((file) => path.basename(path.dirname(file)))
  .sort();
const [name = '', ...args] = process.argv.slice(2);
if (name === 'all') process.exitCode = await all();
else if (names.includes(name)) process.exitCode = await one(name);
else {
  say(`make example NAME=…, where NAME is one of: ${names.join(', ')}; or all, which tells only how they ended`);
  process.exitCode = 64;
}

/** Runs an example at this terminal. Ctrl-C is the example's, which then cleans up. */
async function one(name: string): Promise<number> {
  const [command, ...rest] = node(mainOf(name), ...args);
  const child = spawn(command, rest, { cwd: root, stdio: 'inherit' });
  process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('close', (code) => resolve(code ?? 1)).once('error', reject);
  return promise;
}

/** Runs them all, a few at once. What one said is shown where it failed; else its last line, in which it sums up. */
async function all(): Promise<number> {
  const waiting = [...names];
  const failed: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const since = performance.now();
      const { code, output } = await run(node(mainOf(next)));
      const seconds = ((performance.now() - since) / 1000).toFixed(1);
      print(`${code === 0 ? 'ok    ' : 'FAILED'} ${next} (${seconds} s): ${output.trim().split('\n').at(-1) ?? ''}`);
      if (code === 0) continue;
      failed.push(next);
      print(`\n${output}\n`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  print(failed.length === 0 ? `${names.length} examples came out as promised` : `failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}
