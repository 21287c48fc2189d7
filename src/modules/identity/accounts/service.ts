import type { Clock } from '../../../lib/clock.ts';
import { isUuid, uuidv7 } from '../../../lib/ids.ts';
import type { Config } from '../../../platform/config/config.ts';
import type { Actor, Ctx } from '../../../platform/context.ts';
import type { Db, SystemTx } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { validationFailed } from '../../../platform/http/validation.ts';
import { announce, by, memberAdded, passwordChanged, tenantCreated } from '../events.ts';
import { findMembershipToUse, insertMember, touchMembership } from '../members/store.ts';
import type { Registered } from '../schemas.ts';
import type { Client, Grant, SessionDraft, Sessions } from '../sessions/service.ts';
import { revokeUserSessions } from '../sessions/store.ts';
import type { Throttle } from '../throttle.ts';
import type { createFailures } from './failures.ts';
import type { Passwords } from './passwords.ts';
import { emailKey, passwordFault } from './rules.ts';
import * as store from './store.ts';

export type SignUp = {
  readonly email: string;
  readonly password: string;
  readonly name?: string | undefined;
  readonly tenantName: string;
};

/** What is worked out before the transaction of a sign-up or an accepted invitation: the hash and the session. */
export type Candidate = {
  readonly email: string;
  readonly emailKey: string;
  readonly name: string;
  readonly credentials: store.Credentials;
  readonly verifier: Buffer;
  readonly session: SessionDraft;
  readonly client: Client;
};

export type Accounts = ReturnType<typeof createAccounts>;

type AccountsDeps = {
  db: Db;
  clock: Clock;
  config: Pick<Config, 'signup'>;
  passwords: Passwords;
  sessions: Sessions;
  throttle: Throttle;
  failures: ReturnType<typeof createFailures>;
};

export function createAccounts(deps: AccountsDeps) {
  const { db, clock, config, passwords, sessions, throttle, failures } = deps;

  /** One run of argon2id, whoever asks: with the salt of the email's accounts, or the one they would get. */
  async function hash(key: string, password: string) {
    const credentials = (await store.findCredentials(db.system, key)) ?? passwords.credentialsFor(key);
    return { credentials, verifier: await passwords.verifierOf(password, credentials) };
  }

  return {
    /** Checks the password against the rules and hashes it. Throws `validation_failed`. */
    async prepare(
      person: { email: string; password: string; name?: string | undefined },
      client: Client,
    ): Promise<Candidate> {
      const { email, password, name } = person;
      requireGoodPassword('password', password, email);
      const key = emailKey(email);
      const [hashed, session] = await Promise.all([hash(key, password), sessions.draft()]);
      return { email: email.trim(), emailKey: key, name: name ?? nameFrom(email), ...hashed, session, client };
    },

    /** The same for whoever comes from outside: where sign-up is open, and counted as a guess at a password. */
    async prepareSignUp(input: SignUp, client: Client): Promise<Candidate> {
      if (config.signup !== 'open') throw new AppError('signup_closed');
      await throttle.takeSignUp(emailKey(input.email));
      return this.prepare(input, client);
    },

    /**
     * The account of a candidate: the one that this email and password open already, else a new one. So nothing tells
     * whether an email is taken, but to somebody who knows its password.
     */
    async claim(tx: SystemTx, candidate: Candidate, mayCreate: boolean): Promise<store.UserRow | undefined> {
      await store.lockEmail(tx, candidate.emailKey);
      const existing = await store.holdUserByPassword(tx, candidate.emailKey, candidate.verifier);
      if (existing !== undefined || !mayCreate) return existing;
      const current = await store.findCredentials(tx, candidate.emailKey);
      // The master key changed between the hash and here, and somebody else of this email was quicker: once in never.
      if (current !== undefined && !current.salt.equals(candidate.credentials.salt)) throw new AppError('overloaded');
      const user = { id: uuidv7(), email: candidate.email, email_key: candidate.emailKey, name: candidate.name };
      const { credentials, verifier } = candidate;
      await store.insertUser(tx, { ...user, ...credentials, verifier, now: clock.now() });
      return user;
    },

    /** A new tenant with its owner, signed in. */
    async signUp(
      tx: SystemTx,
      candidate: Candidate,
      tenantName: string,
    ): Promise<Registered & { refresh_token: string }> {
      const user = (await this.claim(tx, candidate, true)) as store.UserRow;
      const now = clock.now();
      const tenant = { id: uuidv7(now.getTime()), name: tenantName };
      await store.insertTenant(tx, { ...tenant, now });
      const actor: Actor = { kind: 'user', id: user.id, sessionId: candidate.session.id };
      const data = { user_id: user.id, by: by(actor) };
      announce(tx, tenant.id, { type: tenantCreated, subject: tenant.id, data });
      const roles = ['owner'] as const;
      await insertMember(tx, {
        tenantId: tenant.id,
        userId: user.id,
        email: candidate.email,
        name: user.name,
        roles,
        now,
      });
      announce(tx, tenant.id, { type: memberAdded, subject: user.id, data: { ...data, roles: [...roles] } });
      const { session, client } = candidate;
      const grant = await sessions.begin(tx, session, {
        tenantId: tenant.id,
        userId: user.id,
        client,
        method: 'sign_up',
      });
      return { user: { id: user.id, email: candidate.email, name: user.name }, tenant, ...tokens(grant) };
    },

    /** Sign-in with a password. Throws `invalid_grant` for every reason why it cannot be, `rate_limited`, `overloaded`. */
    async signIn(
      { email, password, tenantId }: { email: string; password: string; tenantId?: string | undefined },
      client: Client,
    ): Promise<Grant> {
      const key = emailKey(email);
      const giveBack = await throttle.take(key, client.ip);
      let failed = false;
      try {
        const [{ verifier }, draft] = await Promise.all([hash(key, password), sessions.draft()]);
        const users = await store.findUsersByPassword(db.system, key, verifier);
        if (users.length === 0) {
          failed = true;
          failures.record(key, client.ip);
          throw new AppError('invalid_grant');
        }
        const ids = users.map((user) => user.id);
        const possible = tenantId === undefined || isUuid(tenantId);
        const membership = possible ? await findMembershipToUse(db.system, ids, tenantId) : undefined;
        if (membership === undefined) throw new AppError('invalid_grant');
        const { tenant_id, user_id: userId } = membership;
        return await db.inSystemTx(async (tx) => {
          // Password and membership may have changed since they were read.
          if (!(await store.holdPassword(tx, userId, verifier))) throw new AppError('invalid_grant');
          if ((await touchMembership(tx, { tenantId: tenant_id, userId, now: clock.now() })) === 0)
            throw new AppError('invalid_grant');
          return sessions.begin(tx, draft, { tenantId: tenant_id, userId, client, method: 'password' });
        });
      } finally {
        if (!failed) await giveBack();
      }
    },

    /** A new password for the caller; every other session of the user ends, in all tenants. */
    async changePassword(ctx: Ctx, change: { current: string; next: string }, client: Client): Promise<void> {
      const { actor } = ctx;
      if (actor.kind !== 'user') throw new AppError('permission_denied', { message: 'Only a user has a password.' });
      const user = await store.findUser(db.system, actor.id);
      if (user === undefined) throw new AppError('not_found');
      requireGoodPassword('new_password', change.next, user.email);
      const giveBack = await throttle.take(user.email_key, client.ip);
      const from = await passwords.verifierOf(change.current, user);
      if (!from.equals(user.verifier)) {
        failures.record(user.email_key, client.ip);
        throw validationFailed([{ in: 'body', field: 'current_password', rule: 'password', message: 'is not right' }]);
      }
      await giveBack();
      const to = await passwords.verifierOf(change.next, user);
      const now = clock.now();
      await db.inSystemTx(async (tx) => {
        await store.lockEmail(tx, user.email_key);
        if ((await store.updatePassword(tx, { userId: user.id, from, to, now })) === 0) throw new AppError('conflict');
        const reason = 'password_changed';
        for (const tenantId of await store.listTenantIdsOf(tx, user.id)) {
          const data = { user_id: user.id, by: by(actor) };
          announce(tx, tenantId, { type: passwordChanged, subject: user.id, data });
        }
        const gone = await revokeUserSessions(tx, { userId: user.id, except: actor.sessionId, reason, now });
        sessions.ended(tx, gone, { reason, actor });
      });
    },
  };
}

/** What the wire calls a grant. */
export const tokens = (grant: Grant) => ({
  access_token: grant.accessToken,
  token_type: 'Bearer' as const,
  expires_in: grant.expiresIn,
  refresh_token: grant.refreshToken,
});

function requireGoodPassword(field: string, password: string, email: string): void {
  const message = passwordFault(password, email);
  if (message !== undefined) throw validationFailed([{ in: 'body', field, rule: 'password', message }]);
}

const nameFrom = (email: string) => email.trim().split('@')[0] || email.trim();
