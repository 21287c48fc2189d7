import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../lib/say.ts';

/** Whether a test file has a database of the test server, by itself or through what it imports. */
export const wantsDatabase = (file: string): boolean => reaches(file, path.join('test', 'support', 'database.ts'));

/** Whether it starts servers that may be of one process or of many. */
export const wantsServers = (file: string): boolean => reaches(file, path.join('test', 'support', 'many.ts'));

function reaches(file: string, goal: string, seen: Set<string> = new Set()): boolean {
  if (file === goal) return true;
  if (seen.has(file) || !existsSync(path.join(root, file))) return false;
  seen.add(file);
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(/\bfrom '(\.[^']+)'/g)].some(([, imported = '']) =>
    reaches(path.join(path.dirname(file), imported), goal, seen),
  );
}
