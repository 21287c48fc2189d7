/**
 * `make setup`: brings node_modules in step with package-lock.json. Needs nothing but Node itself.
 *
 * The stamp lies inside node_modules, so it goes when that goes, and it is written last: an interrupted run is
 * simply run again. Install scripts never run, except of packages that package.json's `allowScripts` allows.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { allowedScripts, readLock } from './lib/lockfile.ts';
import { npmCommand } from './lib/npm.ts';
import { root, say } from './lib/say.ts';

const stampFile = path.join(root, 'node_modules/.parley-setup');
const stamp = () => {
  const hash = createHash('sha256').update(`${process.version} ${process.platform} ${process.arch}`);
  for (const file of ['package-lock.json', 'package.json', 'sdk/typescript/package.json', 'console/package.json'])
    hash.update(readFileSync(path.join(root, file)));
  return hash.digest('hex');
};
const isStamped = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp();

if (!isStamped()) locked(install);

function install(): void {
  if (isStamped()) return; // another make did it while this one waited
  if (!isInStep()) {
    say('installing packages');
    npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    for (const name of allowedScripts()) npm(['rebuild', name, '--no-ignore-scripts']);
  }
  writeFileSync(stampFile, stamp());
}

/** After somebody's own `npm install x`, node_modules already holds what the lockfile says: no need to do it again. */
function isInStep(): boolean {
  const hidden = path.join(root, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const installed = readLock(hidden);
  return Object.entries(readLock(path.join(root, 'package-lock.json'))).every(([where, wanted]) => {
    if (!where.includes('node_modules/') || wanted.link) return true;
    const found = installed[where];
    return found ? found.version === wanted.version && found.integrity === wanted.integrity : wanted.optional === true;
  });
}

function npm(args: string[]): void {
  const [command, ...first] = npmCommand();
  const quiet = ['--loglevel=error', '--update-notifier=false'];
  const done = spawnSync(command, [...first, ...args, ...quiet], { cwd: root, stdio: ['ignore', 2, 2] });
  if (done.status === 0) return;
  say(`npm ${args[0]} failed`);
  process.exit(done.status ?? 1);
}

/** One setup at a time in a folder. The kernel lets the lock of a killed process go, as a lock file would not. */
function locked(work: () => void): void {
  mkdirSync(path.join(root, '.runtime'), { recursive: true });
  const database = new DatabaseSync(path.join(root, '.runtime/setup.lock'));
  try {
    try {
      database.exec('begin exclusive');
    } catch {
      say('another make is setting up in this folder; waiting for it');
      database.exec('pragma busy_timeout = 600000');
      database.exec('begin exclusive');
    }
    work();
  } finally {
    database.close();
  }
}
