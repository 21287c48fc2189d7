import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../lib/say.ts';

const MAKES_DATABASES = path.join('test', 'support', 'database.ts');

/** Whether a test file has a database of the test server, by itself or through what it imports. */
export function wantsDatabase(file: string, seen: Set<string> = new Set()): boolean {
  if (file === MAKES_DATABASES) return true;
  if (seen.has(file) || !existsSync(path.join(root, file))) return false;
  seen.add(file);
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(/\bfrom '(\.[^']+)'/g)].some(([, imported = '']) =>
    wantsDatabase(path.join(path.dirname(file), imported), seen),
  );
}
