import path from 'node:path';
import { suite } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from '../lib/say.ts';

/**
 * Runs several test files in this process, one after the other: each is read when the one before is over, and is a suite,
 * so that its hooks are its own.
 */
export async function together(files: readonly string[]): Promise<void> {
  for (const file of files)
    await suite(file, async () => {
      await import(pathToFileURL(path.join(root, file)).href);
    });
}
