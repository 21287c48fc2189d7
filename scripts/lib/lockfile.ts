import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './say.ts';

/** A package of a lockfile, by where it is installed (`node_modules/x`). */
export type Locked = {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
};

export function readLock(file: string): Record<string, Locked> {
  return (JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> }).packages;
}

/** npm's own `allowScripts` of package.json: which packages' install scripts may run, which never. */
export function scriptPolicy(): Record<string, boolean> {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return (manifest as { allowScripts?: Record<string, boolean> }).allowScripts ?? {};
}

export const allowedScripts = (): string[] =>
  Object.entries(scriptPolicy())
    .filter(([, allowed]) => allowed)
    .map(([name]) => name);
