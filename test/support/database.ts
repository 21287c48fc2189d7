import { createHash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import type pg from 'pg';
import { uuidv7 } from '../../src/lib/ids.ts';
import { type Permission, permissionsOf, type Role } from '../../src/platform/auth/permissions.ts';
import type { Actor, Ctx } from '../../src/platform/context.ts';
import { connect } from '../../src/platform/db/connection.ts';
import { migrateUp } from '../../src/platform/db/migrate.ts';
import { readMigrations } from '../../src/platform/db/migrations.ts';
import { type OpenDb, openDb } from '../../src/platform/db/open.ts';
import { ensureRoles } from '../../src/platform/db/roles.ts';
import type { WriteOutbox } from '../../src/platform/db/tx.ts';
import { adminUrl } from './server.ts';

export const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

export type TestDatabase = {
  readonly db: OpenDb;
  /** The address of the database, as its owner. */
  readonly url: string;
  /** Makes a tenant and answers its id. */
  makeTenant(name?: string): Promise<string>;
  /** A caller's ctx; by default a user with the role owner. */
  ctx(tenantId: string, options?: CtxOptions): Ctx;
  /** Closes the pools and drops the database. */
  close(): Promise<void>;
};

export type CtxOptions = {
  readonly roles?: readonly Role[];
  /** Instead of what the roles give. */
  readonly permissions?: readonly Permission[];
  readonly actor?: Actor;
  readonly signal?: AbortSignal;
};

export type TestDatabaseOptions = {
  /** Only the migrations up to this number. */
  readonly to?: number;
  /** False makes an empty database without roles' tables. */
  readonly migrated?: boolean;
  /** What a transaction does with its events; by default it refuses to lose them. */
  readonly writeOutbox?: WriteOutbox;
};

const refuse: WriteOutbox = async () => {
  throw new Error('This test database has no outbox: give testDatabase({ writeOutbox }) the real one');
};

/** A ctx without a database behind it, for pure tests too. */
export function testCtx(tenantId: string, { roles = ['owner'], permissions, actor, signal }: CtxOptions = {}): Ctx {
  return {
    tenantId,
    actor: actor ?? { kind: 'user', id: uuidv7(), sessionId: uuidv7() },
    roles,
    permissions: permissions ? new Set(permissions) : permissionsOf(roles),
    requestId: uuidv7(),
    trace: { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex'), sampled: false },
    signal: signal ?? new AbortController().signal,
  };
}

/** A database of its own, copied from a migrated template that all test files share. */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const admin = await adminUrl();
  const name = `test_${process.pid}_${randomBytes(6).toString('hex')}`;
  await asAdmin(admin, async (client) => {
    const template = options.migrated === false ? 'template0' : await ensureTemplate(client, admin, options.to);
    // Through the log, which is the default, it costs three times as much.
    await client.query(`create database ${name} template ${template} strategy file_copy`);
  });
  const url = withDatabase(admin, name);
  const db = openDb({ url, writeOutbox: options.writeOutbox ?? refuse });
  return {
    db,
    url,
    makeTenant: async (tenantName = 'Test tenant') => {
      const id = uuidv7();
      await db.inSystemTx((tx) => tx.run(sql`insert into tenants (id, name) values (${id}, ${tenantName})`));
      return id;
    },
    ctx: testCtx,
    close: async () => {
      await db.close();
      await asAdmin(admin, (client) => drop(client, name));
    },
  };
}

const NOT_ALLOWED = '42501';

/** Connections that are left are ended; the server's own (autovacuum), which an owner may not end, are gone in a moment. */
async function drop(client: pg.Client, name: string): Promise<void> {
  try {
    await client.query(`drop database if exists ${name} with (force)`);
  } catch (error) {
    if ((error as pg.DatabaseError).code !== NOT_ALLOWED) throw error;
    await client.query(`drop database if exists ${name}`);
  }
}

async function asAdmin<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(url, { applicationName: 'parley test admin' });
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, database: string): string {
  const address = new URL(url);
  address.pathname = `/${database}`;
  return address.href;
}

const TEMPLATE_LOCK = 7_276_900;

/** The template for these migrations; the first test file to need it makes it, the others wait for that. */
async function ensureTemplate(client: pg.Client, admin: string, to = Infinity): Promise<string> {
  const migrations = (await readMigrations(MIGRATIONS)).filter(({ version }) => version <= to);
  const digest = createHash('sha256');
  for (const { version, checksum } of migrations) digest.update(`${version} ${checksum}\n`);
  const template = `template_${digest.digest('hex').slice(0, 20)}`;
  const exists = async () => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template]);
    return rowCount === 1;
  };
  if (await exists()) return template;
  await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    if (await exists()) return template;
    const draft = `${template}_draft`;
    await client.query(`drop database if exists ${draft} with (force)`);
    await ensureRoles(client);
    await client.query(`create database ${draft} template template0`);
    await migrateUp({ url: withDatabase(admin, draft), migrations });
    await client.query(`alter database ${draft} rename to ${template}`);
    return template;
  } finally {
    await client.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}
