import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One numbered step: `0001_platform.up.sql` and its way back, `0001_platform.down.sql`. */
export type Migration = {
  readonly version: number;
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** SHA-256 of the way up, in hex. What was applied must not change afterwards. */
  readonly checksum: string;
  /** Some statements (`create index concurrently`) cannot run in a transaction; a file says so in its first line. */
  readonly inTransaction: boolean;
};

const FILE = /^(\d{4})_([a-z0-9_]+)\.(up|down)\.sql$/;
const NO_TRANSACTION = /^-- no transaction\s*$/m;

/** A folder whose files do not make sense, told in one sentence. */
export class MigrationError extends Error {}

/** Reads a folder of migrations, in order. Refuses gaps in pairs and numbers used twice. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = new Map<string, { up?: string; down?: string }>();
  for (const entry of (await readdir(folder)).sort()) {
    const match = FILE.exec(entry);
    if (match === null)
      throw new MigrationError(`${entry} in the migrations is not named NNNN_name.up.sql or .down.sql.`);
    const [, version, name, way] = match as unknown as [string, string, string, 'up' | 'down'];
    const key = `${version}_${name}`;
    files.set(key, { ...files.get(key), [way]: await readFile(join(folder, entry), 'utf8') });
  }
  const migrations = [...files].map(([key, { up, down }]) => {
    if (up === undefined) throw new MigrationError(`Migration ${key} has no way up.`);
    if (down === undefined) throw new MigrationError(`Migration ${key} has no way down.`);
    return {
      version: Number(key.slice(0, 4)),
      name: key.slice(5),
      up,
      down,
      checksum: hash('sha256', up, 'hex'),
      inTransaction: !NO_TRANSACTION.test(up.split('\n', 1)[0] ?? ''),
    };
  });
  migrations.forEach(({ version, name }, i) => {
    const next = migrations[i + 1];
    if (next?.version === version)
      throw new MigrationError(`Migrations ${name} and ${next.name} share number ${version}.`);
  });
  return migrations;
}
