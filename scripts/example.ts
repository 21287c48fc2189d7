/** `make example NAME=…`: runs examples/NAME/main.ts, or says which examples there are. */
import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { node } from './lib/run.ts';
import { root, say } from './lib/say.ts';

const [name = '', ...args] = process.argv.slice(2);
const main = path.join('examples', name, 'main.ts');
if (!/^[a-z0-9-]+$/.test(name) || !existsSync(path.join(root, main))) {
  const names = globSync('examples/*/main.ts', { cwd: root }).map((file) => file.split(path.sep)[1]);
  say(`make example NAME=…, where NAME is one of: ${names.sort().join(', ')}`);
  process.exit(64);
}
const [command, ...rest] = node(main, ...args);
const child = spawn(command, rest, { cwd: root, stdio: 'inherit' });
child.once('close', (code, signal) => {
  process.exitCode = code ?? (signal ? 1 : 0);
});
