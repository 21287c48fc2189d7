import type { Clock } from '../../lib/clock.ts';
import type { Principal } from '../../platform/auth/authenticate.ts';
import { createVerifier } from '../../platform/auth/verify.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Secrets } from '../../platform/config/secrets.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db, Reader, Tx } from '../../platform/db/queries.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Schedule } from '../../platform/jobs/schedule.ts';
import type { Module } from '../../platform/module.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import type { Limiter } from '../../platform/reliability/limiter.ts';
import type { Reliability } from '../../platform/reliability/reliability.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { createFailures } from './accounts/failures.ts';
import { CHEAP_PASSWORD_COST, createPasswords, PASSWORD_COST } from './accounts/passwords.ts';
import { type Accounts, createAccounts, type SignUp } from './accounts/service.ts';
import { deleteOrphans, findTenant } from './accounts/store.ts';
import { IDENTITY_EVENTS, memberChanged, memberRemoved, sessionRevoked } from './events.ts';
import { createSigningKeys, type SigningKeys } from './keys/service.ts';
import { memberRoutes } from './members/routes.ts';
import { createMembers, type Members, type Rights } from './members/service.ts';
import { deleteStaleInvitations, findMembershipsOf } from './members/store.ts';
import { identityRoutes } from './routes.ts';
import type { Me, Member, Registered } from './schemas.ts';
import { type Client, createSessions, type Grant, type Sessions } from './sessions/service.ts';
import { deleteDeadSessions } from './sessions/store.ts';
import { createThrottle } from './throttle.ts';

export * as identityEvents from './events.ts';
export { announce, By, by } from './events.ts';
export type { Rights } from './members/service.ts';
export type { Member, Registered } from './schemas.ts';
export { Id, Line, Permission, Role, Time } from './schemas.ts';

/** What the routes are made of. */
export type IdentityParts = {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly members: Members;
  readonly keys: SigningKeys;
  me(ctx: Ctx): Promise<Me>;
  endByAccessToken(token: string): Promise<void>;
};

export interface Identity {
  /** Who an access token speaks for, now. Throws `unauthenticated` or `token_expired`. */
  authenticate(accessToken: string): Promise<Principal>;
  /** The same for a session that is known otherwise (a ticket). */
  principalOf(session: { tenantId: string; userId: string; sessionId: string }): Promise<Principal>;
  /** What a member may do now; undefined for who is none. */
  rightsOf(tenantId: string, userId: string): Promise<Rights | undefined>;
  /** The same, where it is known without asking; the same object until it changes. */
  knownRightsOf(tenantId: string, userId: string): Rights | undefined;
  /** A member, read within the caller's own read or transaction. */
  findMember(queries: Reader | Tx, userId: string): Promise<Member | undefined>;
  /** Makes a tenant with its owner, whatever SIGNUP says: for commands and tests. */
  register(input: SignUp, client?: Client): Promise<Registered & { refresh_token: string }>;
  /** Signs in with a password, as `POST /auth/token` does. */
  signIn(input: { email: string; password: string; tenantId?: string }, client?: Client): Promise<Grant>;
  /** Signs a small JSON value with the installation's key, and reads such a value back. */
  readonly statements: Pick<SigningKeys, 'signStatement' | 'readStatement'>;
  /** Resolves when failed sign-ins that were noticed until now are recorded. */
  settled(): Promise<void>;
}

export type IdentityDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly config: Config;
  readonly secrets: Secrets;
  readonly hub: Hub;
  readonly limiter: Limiter;
  readonly reliability: Reliability;
  readonly log: Logger;
};

const LOCAL: Client = { ip: '127.0.0.1', userAgent: 'parley' };

/** Tenants, users and their memberships; sign-up, sign-in, sessions; the keys that sign. */
export function createIdentity(deps: IdentityDeps): Identity & Module {
  const { db, clock, config, secrets, hub, limiter, reliability } = deps;
  const log = deps.log.child('identity');
  const { issuer } = config;
  const audience = `${issuer}${config.apiPrefix}`;
  const keys = createSigningKeys({ db, secrets, clock, issuer, audience });
  const verify = createVerifier({ issuer, audience, clock, keyOf: keys.publicKeyOf });
  const sessions = createSessions({ db, clock, secrets, keys, hub });
  const throttle = createThrottle(limiter);
  const failures = createFailures({ db, clock, log });
  const cost = config.profile === 'testing' ? CHEAP_PASSWORD_COST : PASSWORD_COST;
  const passwords = createPasswords({ masterKey: config.masterKey, cost, bulkhead: reliability.bulkhead });
  const accounts = createAccounts({ db, clock, config, passwords, sessions, throttle, failures });
  const members = createMembers({ db, clock, config, accounts, sessions, hub, throttle });
  followLog({ hub, sessions, members });

  async function principalOf(session: { tenantId: string; userId: string; sessionId: string }): Promise<Principal> {
    const { tenantId, userId, sessionId } = session;
    const [expiresAtMs, rights] = await Promise.all([
      sessions.check({ tid: tenantId, sid: sessionId, sub: userId }),
      members.rightsOf(tenantId, userId),
    ]);
    if (rights === undefined)
      throw new AppError('unauthenticated', { message: 'You are not a member of this tenant.' });
    return { tenantId, actor: { kind: 'user', id: userId, sessionId }, ...rights, expiresAtMs };
  }

  async function me(ctx: Ctx): Promise<Me> {
    const { actor, tenantId } = ctx;
    const reader = db.reader(ctx);
    const isUser = actor.kind === 'user';
    const [tenant, member, tenants] = await Promise.all([
      findTenant(reader, tenantId),
      isUser ? members.find(reader, actor.id) : undefined,
      isUser ? findMembershipsOf(db.system, actor.id) : [],
    ]);
    if (tenant === undefined) throw new AppError('not_found');
    return {
      user: member ? { id: member.id, email: member.email, name: member.name } : null,
      actor: { kind: actor.kind, id: actor.id },
      tenant,
      roles: [...ctx.roles],
      permissions: [...ctx.permissions],
      tenants,
    };
  }

  async function endByAccessToken(token: string): Promise<void> {
    const claims = await verify(token).catch((error: unknown) => {
      if (error instanceof AppError) return undefined;
      throw error;
    });
    if (claims === undefined) return;
    await sessions.end({ tenantId: claims.tid, id: claims.sid, userId: claims.sub, reason: 'signed_out' });
  }

  const parts: IdentityParts = { accounts, sessions, members, keys, me, endByAccessToken };
  return {
    name: 'identity',
    events: IDENTITY_EVENTS,
    schedules: schedules({ db, clock, keys, log }),
    routes(router) {
      identityRoutes(router, parts, config);
      memberRoutes(router, members, config);
    },
    async authenticate(accessToken) {
      const { tid, sub, sid, exp } = await verify(accessToken);
      const principal = await principalOf({ tenantId: tid, userId: sub, sessionId: sid });
      return { ...principal, expiresAtMs: exp * 1_000 };
    },
    principalOf,
    rightsOf: members.rightsOf,
    knownRightsOf: members.knownRightsOf,
    findMember: members.find,
    async register(input, client = LOCAL) {
      const candidate = await accounts.prepare(input, client);
      return db.inSystemTx((tx) => accounts.signUp(tx, candidate, input.tenantName));
    },
    signIn: (input, client = LOCAL) => accounts.signIn(input, client),
    statements: keys,
    settled: failures.settled,
  };
}

/** What another process ended or changed: forget it here, and end the streams that rest on it. */
function followLog({ hub, sessions, members }: { hub: Hub; sessions: Sessions; members: Members }): void {
  hub.tap([sessionRevoked.type], ({ tenantid, data }) => {
    sessions.forget(tenantid, (data as { session_id: string }).session_id);
  });
  hub.tap([memberChanged.type, memberRemoved.type], ({ tenantid, data }) => {
    members.forget(tenantid, (data as { user_id: string }).user_id);
  });
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function schedules({ db, clock, keys, log }: { db: Db; clock: Clock; keys: SigningKeys; log: Logger }): Schedule[] {
  const before = (ms: number) => new Date(clock.now().getTime() - ms);
  return [
    {
      name: 'identity.keys',
      everyMs: HOUR_MS / 2,
      async run() {
        if (await keys.rotate()) log.info('Published the next signing key');
      },
    },
    {
      name: 'identity.purge',
      cron: '23 * * * *',
      async run(signal) {
        const batches = [
          () => db.inSystemTx((tx) => deleteDeadSessions(tx, before(7 * DAY_MS))),
          () => db.inSystemTx((tx) => deleteStaleInvitations(tx, before(30 * DAY_MS))),
          () => db.inSystemTx((tx) => deleteOrphans(tx, before(DAY_MS))),
        ];
        for (const batch of batches) while (!signal.aborted && (await batch()) > 0);
      },
    },
  ];
}
