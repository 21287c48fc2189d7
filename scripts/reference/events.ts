import { readdirSync } from 'node:fs';
import path from 'node:path';
import { incompatibilities } from '../../src/platform/events/compatibility.ts';
import { run } from '../lib/run.ts';
import { root } from '../lib/say.ts';

const FOLDER = 'contracts/events';

/** The files of `contracts/events` and their texts, out of what `parley contracts` prints. */
export function eventFiles(printed: string): Map<string, string> {
  const schemas = JSON.parse(printed) as Record<string, unknown>;
  return new Map(
    Object.entries(schemas).map(([file, schema]) => [`${FOLDER}/${file}`, `${JSON.stringify(schema, undefined, 2)}\n`]),
  );
}

/** Files that no event type has any more. */
export function staleEventFiles(files: ReadonlyMap<string, string>): string[] {
  return readdirSync(path.join(root, FOLDER))
    .map((name) => `${FOLDER}/${name}`)
    .filter((file) => !files.has(file));
}

/**
 * What an event version that others may rely on has lost or changed, compared with the last commit, the one before it
 * (in CI the last commit is the change itself) and where this branch left the main one.
 */
export async function brokenEvents(files: ReadonlyMap<string, string>): Promise<string[]> {
  const faults = new Set<string>();
  for (const base of await bases()) {
    const listed = await git('ls-tree', '-r', '--name-only', base, '--', FOLDER);
    for (const file of listed?.split('\n').filter((name) => name.endsWith('.json')) ?? []) {
      const before = await git('show', `${base}:${file}`);
      const after = files.get(file);
      if (before === undefined) continue;
      for (const fault of incompatibilities(JSON.parse(before), after && JSON.parse(after)))
        faults.add(`${file} is not compatible with what was committed: ${fault}. Make a new version with an upcast.`);
    }
  }
  return [...faults];
}

async function bases(): Promise<string[]> {
  const candidates = [
    await git('rev-parse', '--verify', '--quiet', 'HEAD'),
    await git('rev-parse', '--verify', '--quiet', 'HEAD^'),
    await git('merge-base', 'HEAD', 'origin/HEAD'),
    await git('merge-base', 'HEAD', 'origin/main'),
  ];
  return [...new Set(candidates.filter((commit) => commit !== undefined))];
}

/** The trimmed answer, or undefined: no git, no such commit, or a copy without history. */
async function git(...args: string[]): Promise<string | undefined> {
  const { code, stdout } = await run(['git', ...args]).catch(() => ({ code: 1, stdout: '' }));
  return code === 0 ? stdout.trim() : undefined;
}
