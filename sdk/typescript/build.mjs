// Makes the package that is published: dist/ with JavaScript, types and a package.json of its own. Inside this
// repository the sources are used as they are (Node strips the types), so nothing here waits for a build.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`], {
  stdio: 'inherit',
});

const { name, version, description, license } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const manifest = {
  name,
  version,
  description,
  license,
  type: 'module',
  sideEffects: false,
  engines: { node: '>=18' },
  exports: { '.': { types: './index.d.ts', default: './index.js' } },
};
writeFileSync(`${root}dist/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(`${root}README.md`, `${root}dist/README.md`);
