import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Runner } from './binaries.ts';
import { sweepSocketDirs } from './cluster.ts';

const uid = process.getuid?.() ?? 0;
const runner = { owner: undefined } as Runner;
const LONG_AGO = new Date(Date.now() - 2 * 3_600_000);
let base: string;
let dead: number;
let served: ChildProcess;
before(async () => {
  base = mkdtempSync(join(tmpdir(), 'parley-sweep-'));
  served = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
  const gone = spawn(process.execPath, ['-e', '']);
  dead = gone.pid as number;
  await once(gone, 'exit');
});
after(async () => {
  const ended = once(served, 'exit');
  served.kill();
  await ended;
  rmSync(base, { recursive: true });
});

function folder(mark: string, { pid, fresh = false }: { pid?: number | undefined; fresh?: boolean } = {}): string {
  const name = join(base, `parley-${uid}-${mark.repeat(16)}`);
  mkdirSync(name);
  if (pid !== undefined) {
    writeFileSync(join(name, '.s.PGSQL.5432'), '');
    writeFileSync(join(name, '.s.PGSQL.5432.lock'), `${pid}\n/somewhere\n`);
  }
  if (!fresh) utimesSync(name, LONG_AGO, LONG_AGO);
  return name;
}

test('what killed databases left is taken away, and nothing else', { skip: process.platform === 'win32' }, () => {
  const left = [folder('0'), folder('1', { pid: dead })];
  const kept = [
    folder('2', { pid: served.pid }),
    folder('3', { fresh: true }),
    folder('4', { pid: dead, fresh: true }),
  ];
  const other = join(base, `parley-${uid}-notours`);
  mkdirSync(other);
  const link = join(base, `parley-${uid}-${'5'.repeat(16)}`);
  symlinkSync(other, link);
  for (const one of [other]) utimesSync(one, LONG_AGO, LONG_AGO);
  sweepSocketDirs({ data: '', log: '', socketDir: join(base, `parley-${uid}-${'6'.repeat(16)}`) }, runner);
  assert.deepEqual(left.map(existsSync), [false, false]);
  assert.deepEqual([...kept, other, link].map(existsSync), [true, true, true, true, true]);
  assert.equal(readdirSync(kept[0] as string).length, 2);
});
