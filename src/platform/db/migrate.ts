import type pg from 'pg';
import { connect } from './connection.ts';
import { type Migration, MigrationError } from './migrations.ts';
import { ensureRoles } from './roles.ts';
import { MIGRATIONS_LOCK, SCHEMA } from './sql.ts';

export type Applied = { readonly version: number; readonly name: string; readonly appliedAt: Date };

export type MigrationStatus = {
  readonly applied: readonly Applied[];
  /** Known to this release, and not applied. */
  readonly pending: readonly Migration[];
  /** Applied, and unknown to this release: a newer one was here. */
  readonly unknown: readonly Applied[];
};

type Options = { readonly url: string; readonly migrations: readonly Migration[] };
type AppliedRow = { version: number; name: string; checksum: string; applied_at: Date };

const LOCK_TIMEOUT_MS = 10_000;

async function withConnection<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(url, { applicationName: 'parley migrate', lockTimeoutMs: LOCK_TIMEOUT_MS });
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}

/** Migrators of one database wait for one another, however long the other takes: `lock_timeout` is off meanwhile. */
async function withLock<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  return withConnection(url, async (client) => {
    await client.query(SCHEMA.waitForever);
    await client.query(SCHEMA.lock, [MIGRATIONS_LOCK]);
    await client.query(SCHEMA.waitAtMost, [`${LOCK_TIMEOUT_MS}`]);
    return fn(client);
  });
}

async function readApplied(client: pg.Client): Promise<AppliedRow[]> {
  const { rows } = await client.query<{ exists: boolean }>(SCHEMA.exists);
  return rows[0]?.exists ? (await client.query<AppliedRow>(SCHEMA.applied)).rows : [];
}

/** Sorts what is applied against what is known. Refuses a changed file, and one that was slipped in between. */
function compare(applied: readonly AppliedRow[], migrations: readonly Migration[]): MigrationStatus {
  const known = new Map(migrations.map((migration) => [migration.version, migration]));
  const done = new Set(applied.map(({ version }) => version));
  for (const { version, name, checksum } of applied) {
    const file = known.get(version);
    if (file !== undefined && file.checksum !== checksum)
      throw new MigrationError(
        `Migration ${label({ version, name })} was changed after it had been applied here. Restore its file, and put the change into a new one.`,
      );
  }
  const newest = Math.max(0, ...done);
  const pending = migrations.filter(({ version }) => !done.has(version));
  const late = pending.find(({ version }) => version < newest);
  if (late !== undefined)
    throw new MigrationError(
      `Migration ${label(late)} is not applied here, but number ${newest} is: a new migration takes the next number.`,
    );
  const toApplied = ({ version, name, applied_at }: AppliedRow): Applied => ({ version, name, appliedAt: applied_at });
  return {
    applied: applied.map(toApplied),
    pending,
    unknown: applied.filter(({ version }) => !known.has(version)).map(toApplied),
  };
}

const label = ({ version, name }: { version: number; name: string }) => `${String(version).padStart(4, '0')}_${name}`;

async function run(client: pg.Client, migration: Migration, way: 'up' | 'down'): Promise<void> {
  const { version, name, checksum } = migration;
  const record = () =>
    way === 'up' ? client.query(SCHEMA.record, [version, name, checksum]) : client.query(SCHEMA.forget, [version]);
  const step = migration[way];
  try {
    if (!migration.inTransaction) {
      await client.query(step);
      await record();
      return;
    }
    await client.query('begin');
    await client.query(step);
    await record();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw new MigrationError(`Migration ${label(migration)} (${way}) failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Applies what is missing, up to and including `to` (default: everything). Makes the roles first. Answers what it did. */
export async function migrateUp({ url, migrations, to = Infinity }: Options & { to?: number }): Promise<Migration[]> {
  return withLock(url, async (client) => {
    await ensureRoles(client);
    await client.query(SCHEMA.create);
    const { pending } = compare(await readApplied(client), migrations);
    const steps = pending.filter(({ version }) => version <= to);
    for (const step of steps) await run(client, step, 'up');
    return steps;
  });
}

/** Takes back everything above `to`, newest first. The roles stay: other databases of the server may use them. */
export async function migrateDown({ url, migrations, to }: Options & { to: number }): Promise<Migration[]> {
  return withLock(url, async (client) => {
    const { applied, unknown } = compare(await readApplied(client), migrations);
    const newer = unknown.find(({ version }) => version > to);
    if (newer !== undefined)
      throw new MigrationError(
        `Migration ${label(newer)} is of a newer release; only that release knows its way down.`,
      );
    const done = new Set(applied.map(({ version }) => version));
    const steps = migrations.filter(({ version }) => version > to && done.has(version)).reverse();
    for (const step of steps) await run(client, step, 'down');
    return steps;
  });
}

/** What is applied, what is not, and what is unknown here. Changes nothing. */
export async function migrationStatus({ url, migrations }: Options): Promise<MigrationStatus> {
  return withConnection(url, async (client) => compare(await readApplied(client), migrations));
}

/**
 * Whether this release may run on the schema: everything it knows is applied, and at most one migration more
 * (migrations expand first and contract a release later, so that N and N+1 run side by side). Else, why not.
 */
export function whyNotServe({ pending, unknown }: MigrationStatus): string | undefined {
  const [first] = pending;
  if (first !== undefined)
    return `The database lacks ${pending.length} migration(s), from ${label(first)} on: run "parley migrate up".`;
  if (unknown.length > 1)
    return `The database is ${unknown.length} migrations ahead of this release, which accepts one: use the newer release.`;
  return undefined;
}
