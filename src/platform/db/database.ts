import type pg from 'pg';
import type { Service } from '../lifecycle.ts';
import { createEmbedded } from './embedded.ts';
import { isConnectionError } from './errors.ts';
import { migrateUp, migrationStatus, whyNotServe } from './migrate.ts';
import { MigrationError, readMigrations } from './migrations.ts';
import { takeOwnership } from './owner.ts';

export type DatabaseOptions = {
  /** A server of your own; undefined runs the packaged one under `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Several processes serve it together; each takes only its part. Default false: one does everything. */
  readonly shared?: boolean;
  readonly dataDir: string;
  /** The folder of migrations. */
  readonly migrations: string;
  /** Applies what is missing; else a schema that is too old is refused. */
  readonly autoMigrate: boolean;
  /** The database is lost for good, or somebody else serves it now: this process cannot go on. */
  readonly onLost: (error: Error) => void;
};

/** The database as a part of the process: found or started, owned by this process or shared, and of the right schema. */
export type Database = Service & {
  readonly url: string;
  readonly kind: 'packaged' | 'external';
  /** True when a packaged server was found running whose owner had died. After `start`. */
  adopted(): boolean;
};

export function createDatabase(options: DatabaseOptions): Database {
  const { databaseUrl, dataDir, onLost, shared = false } = options;
  if (databaseUrl !== undefined) {
    const owned = ownExternal(databaseUrl, { shared, onLost });
    return { ...withSchema(owned, databaseUrl, options), url: databaseUrl, kind: 'external', adopted: () => false };
  }
  const embedded = createEmbedded({ dataDir, onLost });
  const service = withSchema(embedded, embedded.url, options);
  return { ...service, url: embedded.url, kind: 'packaged', adopted: embedded.adopted };
}

function withSchema(database: Service, url: string, { migrations: folder, autoMigrate }: DatabaseOptions): Service {
  return {
    name: 'database',
    async start() {
      await database.start();
      const migrations = await readMigrations(folder);
      const status = await migrationStatus({ url, migrations });
      if (autoMigrate && status.unknown.length === 0 && status.pending.length > 0) {
        await migrateUp({ url, migrations });
        return;
      }
      const reason = whyNotServe(status);
      if (reason !== undefined) throw new MigrationError(reason);
    },
    stop: (deadlineMs) => database.stop(deadlineMs),
  };
}

const RETRY_MS = 500;
const GIVE_UP_MS = 60_000;

/** Ownership of a server that is not ours: taken again after the server was away, as long as nobody else took it. */
function ownExternal(url: string, { shared, onLost }: { shared: boolean; onLost: (error: Error) => void }): Service {
  let owner: pg.Client | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function take(): Promise<void> {
    owner = await takeOwnership(url, { shared });
    owner.once('end', () => {
      owner = undefined;
      if (!stopped) void retake(Date.now() + GIVE_UP_MS);
    });
  }
  async function retake(deadline: number): Promise<void> {
    try {
      await take();
      if (stopped) await owner?.end();
    } catch (error) {
      if (stopped) return;
      if (!isConnectionError(error) || Date.now() > deadline) onLost(error as Error);
      else timer = setTimeout(() => void retake(deadline), RETRY_MS);
    }
  }
  return {
    name: 'ownership',
    start: take,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await owner?.end();
    },
  };
}
