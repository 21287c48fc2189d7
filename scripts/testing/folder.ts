import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const IN_MEMORY = '/dev/shm';
const ENOUGH_BYTES = 4 * 1024 ** 3;
const NAME = /^parley-run-(\d+)-/;

/**
 * The folder for whatever a run writes, in memory where there is room: a test's database is a copy of hundreds of files,
 * and making them took 10 ms of processor time there and 20 to 500 on a disk's file system (measured; the more were
 * deleted lately, the longer). Whoever starts servers as somebody else can reach into it.
 */
export function runFolder(): string {
  const place = hasRoom() ? IN_MEMORY : tmpdir();
  for (const name of readdirSync(place)) {
    const pid = Number(NAME.exec(name)?.[1]);
    // Of a run that was killed.
    if (pid > 0 && !isAlive(pid)) rmSync(path.join(place, name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(path.join(place, `parley-run-${process.pid}-`));
  chmodSync(folder, 0o711);
  return folder;
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    return bavail * bsize >= ENOUGH_BYTES;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
