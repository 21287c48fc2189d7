/** Builds the console when anything that goes into it has changed; made beside dist/ and renamed when it is whole. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { node, run } from './lib/run.ts';
import { root, say } from './lib/say.ts';

const dist = path.join(root, 'console/dist');
const stampFile = path.join(root, '.runtime/console.stamp');
const made = path.join(root, `.runtime/console-${process.pid}`);

function stamp(): string {
  const hash = createHash('sha256');
  const sources = [
    'console/{src,public}/**/*',
    'console/*.{json,html,ts}',
    'sdk/typescript/src/**/*',
    'package-lock.json',
  ];
  for (const entry of globSync(sources, { cwd: root, withFileTypes: true }).sort((a, b) =>
    pathOf(a) < pathOf(b) ? -1 : 1,
  ))
    if (entry.isFile()) hash.update(path.relative(root, pathOf(entry))).update(readFileSync(pathOf(entry)));
  return hash.digest('hex');
}

function pathOf(entry: { parentPath: string; name: string }): string {
  return path.join(entry.parentPath, entry.name);
}

const now = stamp();
if (!existsSync(path.join(dist, 'index.html')) || !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== now) {
  say('building the console');
  const vite = node('node_modules/vite/bin/vite.js', 'build', 'console', '--outDir', made, '--logLevel', 'warn');
  const { code, output } = await run([...vite, '--emptyOutDir']);
  if (code !== 0) {
    rmSync(made, { recursive: true, force: true });
    process.stderr.write(output);
    process.exit(code);
  }
  rmSync(dist, { recursive: true, force: true });
  renameSync(made, dist);
  writeFileSync(stampFile, now);
}
