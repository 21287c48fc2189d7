import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';

/**
 * How npm is run under this very Node: by its own file, and not by the `npm` of the PATH, whose first line may name
 * another Node. A version manager's shim has no such file; it finds the first Node of the PATH by itself.
 */
export function npmCommand(): [command: string, ...args: string[]] {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const found = folders.map((folder) => path.join(folder, 'npm')).find((file) => existsSync(file));
  if (!found) throw new Error('There is no npm in the PATH.');
  const real = realpathSync(found);
  return real.endsWith('.js') ? [process.execPath, real] : [found];
}
