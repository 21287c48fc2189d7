import path from 'node:path';
import { readLock, scriptPolicy } from '../lib/lockfile.ts';
import { root } from '../lib/say.ts';

/** Every package with an install script must be named in package.json's `allowScripts`, true or false; and no other. */
export function installScriptFaults(): string[] {
  const policy = scriptPolicy();
  const withScripts = new Set(
    Object.entries(readLock(path.join(root, 'package-lock.json')))
      .filter(([, locked]) => locked.hasInstallScript)
      .map(([where]) => where.slice(where.lastIndexOf('node_modules/') + 'node_modules/'.length)),
  );
  const unknown = [...withScripts].filter((name) => !(name in policy));
  const stale = Object.keys(policy).filter((name) => !withScripts.has(name));
  return [
    ...unknown.map(
      (name) => `${name} wants to run a script when it is installed: decide in package.json, allowScripts.`,
    ),
    ...stale.map((name) => `${name} has no install script any more: take it out of package.json's allowScripts.`),
  ];
}
