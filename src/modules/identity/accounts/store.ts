import { sql } from 'kysely';
import type { Queries, SystemReader, SystemTx } from '../../../platform/db/queries.ts';

/** Users, tenants and signing keys are platform tables: only the system's connections can read them. */
type System = SystemReader | SystemTx;

export type UserRow = { id: string; email: string; email_key: string; name: string };
export type Credentials = { salt: Buffer; cost: string };

/** Salt and cost of an email's accounts: one and the same for all of them. */
export const findCredentials = (db: System, emailKey: string) =>
  db.first<Credentials>(sql`
    select password_salt as salt, password_cost as cost from users where email_key = ${emailKey} order by id limit 1`);

/** The accounts of an email with this very password: one, or a few that were made equal by a change of password. */
export const findUsersByPassword = (db: System, emailKey: string, verifier: Buffer) =>
  db.all<UserRow>(sql`
    select id, email, email_key, name from users
    where email_key = ${emailKey} and password_verifier = ${verifier} order by id limit 10`);

/**
 * The same within a transaction that rests on it: until its commit nobody deletes the account or changes its password,
 * so that a change of password ends the sessions of everybody who came in with the old one.
 */
export const holdUserByPassword = (tx: SystemTx, emailKey: string, verifier: Buffer) =>
  tx.first<UserRow>(sql`
    select id, email, email_key, name from users
    where email_key = ${emailKey} and password_verifier = ${verifier} order by id limit 1 for share`);

export const holdPassword = async (tx: SystemTx, userId: string, verifier: Buffer): Promise<boolean> =>
  (await tx.first(sql`select 1 from users where id = ${userId} and password_verifier = ${verifier} for share`)) !==
  undefined;

export const findUser = (db: System, userId: string) =>
  db.first<UserRow & Credentials & { verifier: Buffer }>(sql`
    select id, email, email_key, name, password_salt as salt, password_cost as cost, password_verifier as verifier
    from users where id = ${userId}`);

/** Sign-ups and changes of password of one email wait for one another until the commit. */
export const lockEmail = (tx: SystemTx, emailKey: string) =>
  tx.run(sql`select pg_advisory_xact_lock(hashtextextended(${`users/${emailKey}`}, 0))`);

export const insertUser = (tx: SystemTx, user: UserRow & Credentials & { verifier: Buffer; now: Date }) =>
  tx.run(sql`
    insert into users (id, email, email_key, name, password_salt, password_cost, password_verifier,
                       password_changed_at, created_at, updated_at)
    values (${user.id}, ${user.email}, ${user.email_key}, ${user.name}, ${user.salt}, ${user.cost}, ${user.verifier},
            ${user.now}, ${user.now}, ${user.now})`);

/** Changes the password unless somebody else did meanwhile. */
export const updatePassword = (tx: SystemTx, change: { userId: string; from: Buffer; to: Buffer; now: Date }) =>
  tx.run(sql`
    update users set password_verifier = ${change.to}, password_changed_at = ${change.now}, updated_at = ${change.now},
                     version = version + 1
    where id = ${change.userId} and password_verifier = ${change.from}`);

/** Users without any membership have nowhere to sign in to: forgotten after a day, a batch a time. */
export const deleteOrphans = (tx: SystemTx, before: Date) =>
  tx.run(sql`
    delete from users where id in (
      select id from users u where updated_at < ${before} and not exists (select from memberships m where m.user_id = u.id)
      limit 500)`);

export const insertTenant = (tx: SystemTx, tenant: { id: string; name: string; now: Date }) =>
  tx.run(sql`
    insert into tenants (id, name, created_at, updated_at) values (${tenant.id}, ${tenant.name}, ${tenant.now}, ${tenant.now})`);

export const findTenant = (db: Queries, tenantId: string) =>
  db.first<{ id: string; name: string }>(sql`select id, name from tenants where id = ${tenantId}`);

/** Every tenant of a user, for what concerns the user everywhere. */
export const listTenantIdsOf = async (tx: SystemTx, userId: string): Promise<string[]> => {
  const rows = await tx.all<{ tenant_id: string }>(sql`select tenant_id from memberships where user_id = ${userId}`);
  return rows.map((row) => row.tenant_id);
};
