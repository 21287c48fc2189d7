// Makes the package that is published: dist/ with JavaScript, types and a package.json of its own. Inside this
// repository the sources are used as they are (Node strips the types), so nothing here waits for a build.
// `node build.mjs FOLDER` makes it there instead, for tests that must not meet in one place.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = import.meta.dirname;
const out = path.resolve(process.argv[2] ?? path.join(root, 'dist'));
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json'), '--outDir', out], {
  stdio: 'inherit',
});

// The compiler rewrites `./x.ts` to `./x.js` in JavaScript, and leaves it in declarations. (Not globSync: who packs the
// SDK from a fresh clone does it with the machine's own Node, 20 perhaps.)
for (const file of readdirSync(out, { recursive: true })) {
  if (!file.endsWith('.d.ts')) continue;
  const where = path.join(out, file);
  writeFileSync(
    where,
    readFileSync(where, 'utf8').replace(/(\bfrom |\bimport\()(['"])(\.[^'"]+)\.ts\2/g, '$1$2$3.js$2'),
  );
}

const { name, version, description, license } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const manifest = {
  name,
  version,
  description,
  keywords: ['parley', 'agents', 'discussions', 'llm', 'sse'],
  license,
  type: 'module',
  sideEffects: false,
  engines: { node: '>=18' },
  exports: { '.': { types: './index.d.ts', default: './index.js' }, './package.json': './package.json' },
  // For tools that do not know `exports`.
  main: './index.js',
  types: './index.d.ts',
};
writeFileSync(path.join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(path.join(root, 'README.md'), path.join(out, 'README.md'));
copyFileSync(path.join(root, '../../LICENSE'), path.join(out, 'LICENSE'));
