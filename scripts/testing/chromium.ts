import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, globSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { installPackage } from './apt.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge'];
const MAC = ['Google Chrome.app/Contents/MacOS/Google Chrome', 'Chromium.app/Contents/MacOS/Chromium'];
const PLAYWRIGHT = ['.cache/ms-playwright', 'Library/Caches/ms-playwright'];

/** A Chromium that runs: the one CHROMIUM_PATH names, one of this machine, or Debian's, installed where that is allowed. */
export function findChromium(): string | undefined {
  const named = process.env.CHROMIUM_PATH;
  if (named) return runs(named) ? named : undefined;
  return candidates().find(runs) ?? (installPackage('chromium') ? candidates().find(runs) : undefined);
}

function candidates(): string[] {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const inPath = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  const apps = MAC.flatMap((app) => [path.join('/Applications', app), path.join(homedir(), 'Applications', app)]);
  const downloaded = PLAYWRIGHT.flatMap((folder) =>
    globSync('chromium-*/chrome-{linux,mac}*/{chrome,Chromium.app/Contents/MacOS/Chromium}', {
      cwd: path.join(homedir(), folder),
    }).map((file) => path.join(homedir(), folder, file)),
  );
  return [...inPath, ...apps, ...downloaded].filter(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Some of the names are only a script that says how to install it. */
function runs(file: string): boolean {
  return spawnSync(file, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/** What it says of itself, for the test's output. */
export const versionOf = (file: string): string => execFileSync(file, ['--version'], { encoding: 'utf8' }).trim();
