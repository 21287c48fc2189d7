import type { Clock } from '../../../lib/clock.ts';
import { uuidv7 } from '../../../lib/ids.ts';
import { createFreshCache } from '../../../platform/auth/fresh-cache.ts';
import { newOpaque, readOpaque } from '../../../platform/auth/opaque.ts';
import { type Permission, permissionsOf, type Role } from '../../../platform/auth/permissions.ts';
import type { Config } from '../../../platform/config/config.ts';
import type { Actor, Ctx } from '../../../platform/context.ts';
import type { Db, Reader, SystemTx, Tx } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { type PageQuery, pageRange } from '../../../platform/http/paging.ts';
import type { Hub } from '../../../platform/realtime/hub.ts';
import { emailKey } from '../accounts/rules.ts';
import { type Accounts, type Candidate, tokens } from '../accounts/service.ts';
import { findTenant } from '../accounts/store.ts';
import * as events from '../events.ts';
import type { AcceptInvitation, Invitation, Invite, Member, NewInvitation, Registered } from '../schemas.ts';
import type { Client, Sessions } from '../sessions/service.ts';
import { revokeMemberSessions } from '../sessions/store.ts';
import { keepsAnOwner, mayGrant } from './rules.ts';
import * as store from './store.ts';

/** Open invitations of one tenant. */
const MAX_INVITATIONS = 1_000;
const TOKEN = 'parley_invite';

/** What a member may do. */
export type Rights = { readonly roles: readonly Role[]; readonly permissions: ReadonlySet<Permission> };

/** An invitation that can be accepted, and who would accept it. */
export type Acceptance = {
  readonly tenantId: string;
  readonly invitation: store.InvitationRow;
  readonly candidate: Candidate;
};

export type Members = ReturnType<typeof createMembers>;

type MembersDeps = {
  db: Db;
  clock: Clock;
  config: Pick<Config, 'signup'>;
  accounts: Accounts;
  sessions: Sessions;
  hub: Hub;
  throttle: { takeSignUp(emailKey: string): Promise<void> };
};

export function createMembers({ db, clock, config, accounts, sessions, hub, throttle }: MembersDeps) {
  const nowMs = () => clock.now().getTime();
  const cache = createFreshCache<Rights>({ fresh: () => hub.lagMs() <= 1_000, nowMs });

  /** This process forgets what the member may do, and the member's open streams end: they ask again. */
  function forget(tenantId: string, userId: string): void {
    cache.drop(`${tenantId}/${userId}`);
    hub.revoke({ tenantId, actorId: userId });
  }

  /** The member, locked together with the owners; refused unless the caller has at least the member's rights. */
  async function lockForChange(tx: Tx, userId: string, newRoles: readonly Role[]): Promise<store.MemberRow> {
    const { tenantId, permissions } = tx.ctx;
    const owners = await store.lockOwners(tx, tenantId);
    const member = await store.lockMember(tx, tenantId, userId);
    if (member === undefined) throw new AppError('not_found');
    if (!mayGrant(permissions, member.roles) || !mayGrant(permissions, newRoles))
      throw new AppError('permission_denied', { message: 'You cannot give or take more rights than you have.' });
    const ownerIds = owners.map((owner) => owner.user_id);
    if (!keepsAnOwner(ownerIds, userId, newRoles))
      throw new AppError('conflict', { message: 'A tenant needs an owner: make somebody else one first.' });
    return member;
  }

  return {
    forget,

    /** What a member may do now, where that is known without asking. The same object until it changes. */
    knownRightsOf: (tenantId: string, userId: string): Rights | undefined => cache.peek(`${tenantId}/${userId}`),

    /** What a member may do now; undefined for who is none. At most a second old. */
    async rightsOf(tenantId: string, userId: string): Promise<Rights | undefined> {
      return cache.get(`${tenantId}/${userId}`, async () => {
        const member = await store.findMember(db.system, tenantId, userId);
        return member && { roles: member.roles, permissions: permissionsOf(member.roles) };
      });
    },

    /** For other modules, within their own read or transaction. */
    async find(queries: Reader | Tx, userId: string): Promise<Member | undefined> {
      const row = await store.findMember(queries, queries.ctx.tenantId, userId);
      return row && asMember(row);
    },

    async list(ctx: Ctx, page: PageQuery) {
      const reader = db.reader(ctx);
      const [rows, count] = await Promise.all([
        store.listMembers(reader, ctx.tenantId, pageRange(page)),
        store.countMembers(reader, ctx.tenantId),
      ]);
      return { items: rows.map(asMember), total: count?.total ?? 0, ...page };
    },

    async change(ctx: Ctx, userId: string, roles: readonly Role[]): Promise<Member> {
      return db.inTx(ctx, async (tx) => {
        const member = await lockForChange(tx, userId, roles);
        await store.updateRoles(tx, { tenantId: ctx.tenantId, userId, roles, now: clock.now() });
        const data = { user_id: userId, roles: [...roles], previous_roles: member.roles, by: events.by(ctx.actor) };
        events.announce(tx, ctx.tenantId, { type: events.memberChanged, subject: userId, data });
        tx.afterCommit(() => forget(ctx.tenantId, userId));
        return asMember({ ...member, roles: [...roles] });
      });
    },

    async remove(ctx: Ctx, userId: string): Promise<void> {
      const { tenantId, actor } = ctx;
      await db.inTx(ctx, async (tx) => {
        const member = await lockForChange(tx, userId, []);
        const now = clock.now();
        const reason = 'member_removed';
        sessions.ended(tx, await revokeMemberSessions(tx, { tenantId, userId, reason, now }), {
          reason,
          actor,
        });
        await store.deleteMember(tx, tenantId, userId);
        const data = {
          user_id: userId,
          previous_roles: member.roles,
          removed_at: now.toISOString(),
          by: events.by(actor),
        };
        events.announce(tx, tenantId, { type: events.memberRemoved, subject: userId, data });
        tx.afterCommit(() => forget(tenantId, userId));
      });
    },

    /** Invites whoever gets the token to join with these roles. */
    async invite(tx: Tx, { email, roles, expires_in = 604_800 }: Invite): Promise<NewInvitation> {
      const { tenantId, actor, permissions } = tx.ctx;
      // A key's invitation would outlive the key: whoever stole it would keep a way in after it was revoked.
      if (actor.kind !== 'user') throw new AppError('permission_denied', { message: 'Only a member can invite.' });
      if (!mayGrant(permissions, roles))
        throw new AppError('permission_denied', { message: 'You cannot give more rights than you have.' });
      const now = clock.now();
      const open = await store.countOpenInvitations(tx, tenantId, now);
      if ((open?.total ?? 0) >= MAX_INVITATIONS)
        throw new AppError('limit_reached', { message: `A tenant has at most ${MAX_INVITATIONS} open invitations.` });
      const { token, digest } = newOpaque(TOKEN, tenantId);
      const row = {
        id: uuidv7(now.getTime()),
        email: email.trim(),
        roles: [...roles] as Role[],
        invited_by: actor.id,
        created_at: now,
        expires_at: new Date(now.getTime() + expires_in * 1_000),
      };
      await store.insertInvitation(tx, { ...row, tenantId, digest });
      const data = {
        invitation_id: row.id,
        roles: [...roles],
        expires_at: row.expires_at.toISOString(),
        by: events.by(actor),
      };
      events.announce(tx, tenantId, { type: events.invitationCreated, subject: row.id, data });
      return { ...asInvitation({ ...row, accepted_at: null }, now), token };
    },

    async listInvitations(ctx: Ctx, page: PageQuery) {
      const reader = db.reader(ctx);
      const [rows, count] = await Promise.all([
        store.listInvitations(reader, ctx.tenantId, pageRange(page)),
        store.countInvitations(reader, ctx.tenantId),
      ]);
      const now = clock.now();
      return { items: rows.map((row) => asInvitation(row, now)), total: count?.total ?? 0, ...page };
    },

    /** Takes back an invitation that nobody accepted. */
    async revokeInvitation(ctx: Ctx, id: string): Promise<void> {
      await db.inTx(ctx, async (tx) => {
        if ((await store.deleteInvitation(tx, ctx.tenantId, id)) === 0) throw new AppError('not_found');
        const data = { invitation_id: id, by: events.by(ctx.actor) };
        events.announce(tx, ctx.tenantId, { type: events.invitationRevoked, subject: id, data });
      });
    },

    /** Finds the invitation and hashes the password. Throws `not_found` alike for every token that is no good. */
    async prepareAcceptance({ token, name, password }: AcceptInvitation, client: Client): Promise<Acceptance> {
      const read = readOpaque(TOKEN, token);
      const invitation = read && (await store.findInvitation(db.system, read.tenantId, read.digest));
      if (invitation === undefined || invitation.accepted_at !== null || invitation.expires_at <= clock.now())
        throw noInvitation();
      await throttle.takeSignUp(emailKey(invitation.email));
      const candidate = await accounts.prepare({ email: invitation.email, name, password }, client);
      return { tenantId: read?.tenantId as string, invitation, candidate };
    },

    /** Makes or joins the user, who becomes a member and is signed in. */
    async accept(
      tx: SystemTx,
      { tenantId, invitation, candidate }: Acceptance,
    ): Promise<Registered & { refresh_token: string }> {
      const now = clock.now();
      const user = await accounts.claim(tx, candidate, config.signup !== 'closed');
      if (user === undefined) throw new AppError('signup_closed');
      // The row lock of this update decides between two who accept at once.
      if ((await store.acceptInvitation(tx, { tenantId, id: invitation.id, userId: user.id, now })) === 0)
        throw noInvitation();
      if (!(await inviterMayStill(tx, tenantId, invitation))) throw noInvitation();
      const { roles } = invitation;
      const joined = await store.insertMember(tx, {
        tenantId,
        userId: user.id,
        email: candidate.email,
        name: candidate.name,
        roles,
        now,
      });
      if (joined === 0) throw new AppError('already_exists', { message: 'You are a member of this tenant already.' });
      const tenant = await findTenant(tx, tenantId);
      if (tenant === undefined) throw noInvitation();
      const actor: Actor = { kind: 'user', id: user.id, sessionId: candidate.session.id };
      const accepted = { invitation_id: invitation.id, user_id: user.id, by: events.by(actor) };
      events.announce(tx, tenantId, { type: events.invitationAccepted, subject: invitation.id, data: accepted });
      const added = { user_id: user.id, roles: [...roles], by: events.by(actor) };
      events.announce(tx, tenantId, { type: events.memberAdded, subject: user.id, data: added });
      const { session, client } = candidate;
      const grant = await sessions.begin(tx, session, { tenantId, userId: user.id, client, method: 'invitation' });
      tx.afterCommit(() => forget(tenantId, user.id));
      return { user: { id: user.id, email: candidate.email, name: candidate.name }, tenant, ...tokens(grant) };
    },
  };
}

/** An invitation is worth what its author may give at the time it is used. */
async function inviterMayStill(tx: SystemTx, tenantId: string, invitation: store.InvitationRow): Promise<boolean> {
  const inviter = await store.findMember(tx, tenantId, invitation.invited_by);
  return inviter !== undefined && mayGrant(permissionsOf(inviter.roles), invitation.roles);
}

const noInvitation = () => new AppError('not_found', { message: 'This invitation is not good, or not any more.' });

const asMember = (row: store.MemberRow): Member => ({
  id: row.user_id,
  email: row.email,
  name: row.name,
  roles: row.roles,
  last_used_at: row.last_used_at.toISOString(),
  created_at: row.created_at.toISOString(),
});

function asInvitation(row: store.InvitationRow, now: Date): Invitation {
  const over = row.expires_at <= now ? 'expired' : 'open';
  return {
    id: row.id,
    email: row.email,
    roles: row.roles,
    invited_by: row.invited_by,
    status: row.accepted_at === null ? over : 'accepted',
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  };
}
