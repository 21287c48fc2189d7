import { sql } from 'kysely';
import type { Role } from '../../../platform/auth/permissions.ts';
import type { Queries, SystemReader, SystemTx } from '../../../platform/db/queries.ts';

type System = SystemReader | SystemTx;

export type MemberRow = {
  user_id: string;
  email: string;
  name: string;
  roles: Role[];
  last_used_at: Date;
  created_at: Date;
};

export const insertMember = (
  tx: SystemTx,
  member: { tenantId: string; userId: string; email: string; name: string; roles: readonly Role[]; now: Date },
) =>
  tx.run(sql`
    insert into memberships (tenant_id, user_id, email, name, roles, last_used_at, created_at, updated_at)
    values (${member.tenantId}, ${member.userId}, ${member.email}, ${member.name}, ${[...member.roles]}, ${member.now},
            ${member.now}, ${member.now})
    on conflict (tenant_id, user_id) do nothing`);

/** The membership to sign in to: of the tenant asked for, else the one used last. */
export const findMembershipToUse = (db: System, userIds: readonly string[], tenantId: string | undefined) =>
  db.first<{ tenant_id: string; user_id: string }>(sql`
    select tenant_id, user_id from memberships
    where user_id = any(${userIds}::uuid[]) and (${tenantId ?? null}::uuid is null or tenant_id = ${tenantId ?? null}::uuid)
    order by last_used_at desc, tenant_id limit 1`);

export const touchMembership = (tx: SystemTx, row: { tenantId: string; userId: string; now: Date }) =>
  tx.run(sql`
    update memberships set last_used_at = ${row.now} where tenant_id = ${row.tenantId} and user_id = ${row.userId}`);

/** Whose accounts an attacker tries: for the record of failures only. */
export const findMembershipsByEmail = (db: System, emailKey: string) =>
  db.all<{ tenant_id: string; user_id: string }>(sql`
    select m.tenant_id, m.user_id from users u join memberships m on m.user_id = u.id
    where u.email_key = ${emailKey} order by m.last_used_at desc limit 10`);

export const findMembershipsOf = (db: System, userId: string) =>
  db.all<{ id: string; name: string; roles: Role[] }>(sql`
    select t.id, t.name, m.roles from memberships m join tenants t on t.id = m.tenant_id
    where m.user_id = ${userId} order by m.last_used_at desc, t.id limit 100`);

export const findMember = (db: Queries, tenantId: string, userId: string) =>
  db.first<MemberRow>(sql`
    select user_id, email, name, roles, last_used_at, created_at from memberships
    where tenant_id = ${tenantId} and user_id = ${userId}`);

export const listMembers = (db: Queries, tenantId: string, page: { limit: number; offset: number }) =>
  db.all<MemberRow>(sql`
    select user_id, email, name, roles, last_used_at, created_at from memberships
    where tenant_id = ${tenantId} order by created_at, user_id limit ${page.limit} offset ${page.offset}`);

export const countMembers = (db: Queries, tenantId: string) =>
  db.first<{ total: number }>(sql`select count(*) as total from memberships where tenant_id = ${tenantId}`);

/**
 * The tenant's owners, locked: two transactions that would each take away the other's last owner wait for one
 * another, and the second one sees what the first left.
 */
export const lockOwners = (tx: Queries, tenantId: string) =>
  tx.all<{ user_id: string }>(sql`
    select user_id from memberships where tenant_id = ${tenantId} and 'owner' = any(roles) order by user_id for update`);

export const lockMember = (tx: Queries, tenantId: string, userId: string) =>
  tx.first<MemberRow>(sql`
    select user_id, email, name, roles, last_used_at, created_at from memberships
    where tenant_id = ${tenantId} and user_id = ${userId} for update`);

export const updateRoles = (
  tx: Queries,
  change: { tenantId: string; userId: string; roles: readonly Role[]; now: Date },
) =>
  tx.run(sql`
    update memberships set roles = ${[...change.roles]}, version = version + 1, updated_at = ${change.now}
    where tenant_id = ${change.tenantId} and user_id = ${change.userId}`);

/** The member's sessions go with it. */
export const deleteMember = (tx: Queries, tenantId: string, userId: string) =>
  tx.run(sql`delete from memberships where tenant_id = ${tenantId} and user_id = ${userId}`);

export type InvitationRow = {
  id: string;
  email: string;
  roles: Role[];
  invited_by: string;
  created_at: Date;
  expires_at: Date;
  accepted_at: Date | null;
};

export const insertInvitation = (
  tx: Queries,
  row: Omit<InvitationRow, 'accepted_at'> & { tenantId: string; digest: Buffer },
) =>
  tx.run(sql`
    insert into invitations (tenant_id, id, email, roles, token_digest, invited_by, created_at, expires_at)
    values (${row.tenantId}, ${row.id}, ${row.email}, ${[...row.roles]}, ${row.digest}, ${row.invited_by},
            ${row.created_at}, ${row.expires_at})`);

export const listInvitations = (db: Queries, tenantId: string, page: { limit: number; offset: number }) =>
  db.all<InvitationRow>(sql`
    select id, email, roles, invited_by, created_at, expires_at, accepted_at from invitations
    where tenant_id = ${tenantId} order by created_at desc, id desc limit ${page.limit} offset ${page.offset}`);

export const countInvitations = (db: Queries, tenantId: string) =>
  db.first<{ total: number }>(sql`select count(*) as total from invitations where tenant_id = ${tenantId}`);

export const countOpenInvitations = (db: Queries, tenantId: string, now: Date) =>
  db.first<{ total: number }>(sql`
    select count(*) as total from invitations
    where tenant_id = ${tenantId} and accepted_at is null and expires_at > ${now}`);

export const findInvitation = (db: System, tenantId: string, digest: Buffer) =>
  db.first<InvitationRow>(sql`
    select id, email, roles, invited_by, created_at, expires_at, accepted_at from invitations
    where tenant_id = ${tenantId} and token_digest = ${digest}`);

/** Takes the invitation for this user; 0 when it was taken, has expired or is gone. */
export const acceptInvitation = (tx: SystemTx, taking: { tenantId: string; id: string; userId: string; now: Date }) =>
  tx.run(sql`
    update invitations set accepted_at = ${taking.now}, accepted_by = ${taking.userId}
    where tenant_id = ${taking.tenantId} and id = ${taking.id} and accepted_at is null and expires_at > ${taking.now}`);

/** Only one that nobody took; an accepted invitation is history. */
export const deleteInvitation = (tx: Queries, tenantId: string, id: string) =>
  tx.run(sql`delete from invitations where tenant_id = ${tenantId} and id = ${id} and accepted_at is null`);

export const deleteStaleInvitations = (tx: SystemTx, before: Date) =>
  tx.run(sql`
    delete from invitations where (tenant_id, id) in (
      select tenant_id, id from invitations where expires_at < ${before} limit 500)`);
