import { execFileSync } from 'node:child_process';
import { root } from '../lib/say.ts';
import { breaks } from './compatible.ts';

/**
 * Where this change began: what is published must go on being true. Undefined where there is no other branch or
 * release to compare with (a fresh clone of `main` itself).
 */
function base(): string | undefined {
  const head = git('rev-parse', 'HEAD');
  const candidates = [git('merge-base', 'HEAD', 'origin/main'), git('describe', '--tags', '--abbrev=0')];
  return candidates.find((commit) => commit !== undefined && commit !== '' && commit !== head);
}

/** How the event types as they are now would break those who read the published ones, a sentence each. */
export function eventBreaks(now: ReadonlyMap<string, string>): string[] {
  const from = base();
  if (from === undefined) return [];
  const files = git('ls-tree', '--name-only', from, 'contracts/events/')?.split('\n').filter(Boolean) ?? [];
  return files.flatMap((file) => {
    const next = now.get(file);
    if (next === undefined) return [`${file} is published and gone: events of it are in logs`];
    const published = git('show', `${from}:${file}`) ?? '{}';
    return breaks(JSON.parse(published), JSON.parse(next)).map(
      (fault) => `${file}: ${fault}. Declare a new version, with an upcast.`,
    );
  });
}

function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
