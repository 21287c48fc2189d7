import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { MIGRATIONS, type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/log.ts';
import { connect } from './connection.ts';
import { createDatabase, type DatabaseOptions } from './database.ts';
import { inspectDatabase } from './inspect.ts';
import { migrateDown, migrationStatus } from './migrate.ts';
import { MigrationError, readMigrations } from './migrations.ts';
import { DatabaseHeld } from './owner.ts';
import { OWNER_LOCK } from './sql.ts';

let server: TestDatabase;
before(async () => {
  server = await testDatabase({ migrated: false });
});
after(() => server.close());

const database = (over: Partial<DatabaseOptions> = {}) =>
  createDatabase({
    ...{ databaseUrl: server.url, dataDir: tmpdir(), migrations: MIGRATIONS, autoMigrate: true, onLost: assert.fail },
    ...over,
  });

/** Known to the client since it connected; its types do not say so. */
const pidOf = (client: pg.Client | undefined) =>
  (client as unknown as { processID: number } | undefined)?.processID ?? 0;

/** Ends the sessions of owners, but not `spared`. */
async function endSessions(spared?: pg.Client): Promise<void> {
  const client = await connect(server.url, { applicationName: 'test' });
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name like 'parley owner%' and pid <> $1`,
    [pidOf(spared)],
  );
  await client.end();
}

test('production refuses a schema that is too old, with what to do', async () => {
  const refusing = database({ autoMigrate: false });
  await assert.rejects(refusing.start(), (error) => {
    assert.ok(error instanceof MigrationError);
    assert.match(error.message, /lacks \d+ migration\(s\), from 0001_platform on: run "parley migrate up"/);
    return true;
  });
  await refusing.stop(1000);
});

test('elsewhere a start brings the schema up to date; then production starts, too', async () => {
  const migrating = database();
  await migrating.start();
  assert.equal(migrating.kind, 'external');
  await migrating.stop(1000);
  const migrations = await readMigrations(MIGRATIONS);
  assert.deepEqual((await migrationStatus({ url: server.url, migrations })).pending, []);
  const production = database({ autoMigrate: false });
  await production.start();
  await production.stop(1000);
  await migrateDown({ url: server.url, migrations, to: 0 });
});

test('one process owns it; the next one may when the first has stopped', async () => {
  const first = database();
  await first.start();
  await assert.rejects(database().start(), DatabaseHeld);
  assert.equal((await inspectDatabase(server.url)).holder?.pid, String(process.pid));
  await first.stop(1000);
  await first.stop(1000);
  assert.equal((await inspectDatabase(server.url)).holder, undefined);
  const second = database();
  await second.start();
  await second.stop(1000);
});

test('an owner whose session was ended takes the database again', async () => {
  const owner = database();
  await owner.start();
  await endSessions();
  const holder = async () => (await inspectDatabase(server.url)).holder;
  await until(async () => (await holder()) !== undefined);
  assert.equal((await holder())?.pid, String(process.pid));
  await owner.stop(1000);
});

test('an owner who finds somebody else in its place says that it cannot go on', async () => {
  const lost = Promise.withResolvers<Error>();
  const owner = database({ onLost: lost.resolve });
  await owner.start();
  // Asks for the lock without a pause, so that it is served before the owner is back.
  const other = await connect(server.url, { applicationName: 'parley owner 1 elsewhere' });
  const waiting = other.query('select pg_advisory_lock($1)', [OWNER_LOCK]);
  await endSessions(other);
  await waiting;
  const error = await lost.promise;
  assert.ok(error instanceof DatabaseHeld);
  assert.deepEqual([error.holder?.pid, error.holder?.host], ['1', 'elsewhere']);
  await other.end();
  await owner.stop(1000);
});
