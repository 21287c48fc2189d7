import { fileURLToPath } from 'node:url';
import { loadConfig } from '../platform/config/load.ts';
import { createEmbedded } from '../platform/db/embedded.ts';
import { migrateDown, migrateUp, migrationStatus } from '../platform/db/migrate.ts';
import { type Migration, readMigrations } from '../platform/db/migrations.ts';
import { type Command, type CommandIo, EXIT, INSTALLED, UsageError } from './command.ts';

const USAGE = 'parley migrate [up [N] | down N | status]: N is the number of the newest migration to keep.';
const STOP_DEADLINE_MS = 10_000;

/** `up` applies what is missing, `down N` takes back what is above N, `status` tells what is applied. */
export const migrate: Command = async (io) => {
  const step = parse(io.args);
  const { config } = loadConfig(io.folder, io.version);
  const migrations = await readMigrations(fileURLToPath(new URL('migrations', INSTALLED)));
  if (config.databaseUrl !== undefined) return step({ url: config.databaseUrl, migrations }, io);
  const embedded = createEmbedded({ dataDir: config.dataDir });
  await embedded.start();
  try {
    return await step({ url: embedded.url, migrations }, io);
  } finally {
    await embedded.stop(STOP_DEADLINE_MS);
  }
};

type Target = { readonly url: string; readonly migrations: readonly Migration[] };
type Step = (target: Target, io: CommandIo) => Promise<number>;

function parse([way = 'up', number, ...rest]: readonly string[]): Step {
  if (rest.length > 0 || (number !== undefined && !/^\d{1,4}$/.test(number))) throw new UsageError(USAGE);
  if (way === 'up') return up(number === undefined ? undefined : Number(number));
  if (way === 'down' && number !== undefined) return down(Number(number));
  if (way === 'status' && number === undefined) return status;
  throw new UsageError(USAGE);
}

const label = ({ version, name }: { version: number; name: string }) => `${String(version).padStart(4, '0')}_${name}`;

const up =
  (to: number | undefined): Step =>
  async (target, io) => {
    const done = await migrateUp({ ...target, ...(to !== undefined && { to }) });
    for (const migration of done) io.out(`applied ${label(migration)}`);
    if (done.length === 0) io.out('nothing to apply');
    return EXIT.ok;
  };

const down =
  (to: number): Step =>
  async (target, io) => {
    const done = await migrateDown({ ...target, to });
    for (const migration of done) io.out(`took back ${label(migration)}`);
    if (done.length === 0) io.out('nothing to take back');
    return EXIT.ok;
  };

const status: Step = async (target, io) => {
  const { applied, pending, unknown } = await migrationStatus(target);
  const newer = new Set(unknown.map(({ version }) => version));
  for (const migration of applied)
    io.out(
      `${label(migration)} applied ${migration.appliedAt.toISOString()}${newer.has(migration.version) ? ', of a newer release' : ''}`,
    );
  for (const migration of pending) io.out(`${label(migration)} pending`);
  return pending.length === 0 ? EXIT.ok : EXIT.failed;
};
