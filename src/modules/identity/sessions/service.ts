import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../lib/clock.ts';
import { uuidv7 } from '../../../lib/ids.ts';
import { createFreshCache } from '../../../platform/auth/fresh-cache.ts';
import type { AccessClaims } from '../../../platform/auth/verify.ts';
import type { Secrets } from '../../../platform/config/secrets.ts';
import type { Actor, Ctx } from '../../../platform/context.ts';
import type { Db, SystemTx, Tx } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import type { Hub } from '../../../platform/realtime/hub.ts';
import { networkOf } from '../accounts/rules.ts';
import { announce, by, refreshReused, sessionRevoked, userSignedIn } from '../events.ts';
import { ACCESS_TOKEN_SECONDS } from '../keys/rules.ts';
import type { SigningKeys } from '../keys/service.ts';
import type { Session } from '../schemas.ts';
import {
  decideRefresh,
  isAlive,
  ROTATIONS_KEPT,
  SESSION_IDLE_MS,
  SESSION_LIFE_MS,
  type SessionState,
} from './rules.ts';
import * as store from './store.ts';
import { isGenuine, makeRefreshToken, type RefreshToken, readRefreshToken } from './tokens.ts';

/** Live sessions of one member; the one unused for longest ends when there would be more. */
const MAX_SESSIONS = 200;

/** Where a request came from. */
export type Client = { readonly ip: string; readonly userAgent: string | undefined };

/** What a sign-in or a refresh gives. */
export type Grant = { readonly accessToken: string; readonly expiresIn: number; readonly refreshToken: string };

/** A session that is about to begin, with what takes other connections done before its transaction. */
export type SessionDraft = { readonly id: string; readonly seed: Buffer; readonly sealedSeed: string };

type Beginning = {
  readonly tenantId: string;
  readonly userId: string;
  readonly client: Client;
  readonly method: 'password' | 'sign_up' | 'invitation';
};

export type RevokeReason =
  | 'signed_out'
  | 'revoked'
  | 'password_changed'
  | 'member_removed'
  | 'refresh_reused'
  | 'too_many';

type Known = Omit<SessionState, 'generation' | 'rotations'> & { readonly userId: string };

export type Sessions = ReturnType<typeof createSessions>;

export function createSessions(deps: { db: Db; clock: Clock; secrets: Secrets; keys: SigningKeys; hub: Hub }) {
  const { db, clock, secrets, keys, hub } = deps;
  const nowMs = () => clock.now().getTime();
  const cache = createFreshCache<Known>({ fresh: () => hub.lagMs() <= 1_000, nowMs });
  const cacheKey = (tenantId: string, id: string) => `${tenantId}/${id}`;

  /** This process forgets the session, and its open streams end. */
  function forget(tenantId: string, sessionId: string): void {
    cache.drop(cacheKey(tenantId, sessionId));
    hub.revoke({ tenantId, sessionId });
  }

  /** Announces sessions that a statement of this transaction ended. */
  function ended(
    tx: Tx | SystemTx,
    rows: readonly store.Ended[],
    { reason, actor }: { reason: RevokeReason; actor: Actor },
  ) {
    for (const row of rows) {
      const data = { user_id: row.user_id, session_id: row.id, reason, by: by(actor) };
      announce(tx, row.tenant_id, { type: sessionRevoked, subject: row.id, data });
      tx.afterCommit(() => forget(row.tenant_id, row.id));
    }
  }

  async function grant(token: RefreshToken & { userId: string }, seed: Buffer): Promise<Grant> {
    const accessToken = await keys.signAccessToken(token);
    return { accessToken, expiresIn: ACCESS_TOKEN_SECONDS, refreshToken: makeRefreshToken(token, seed) };
  }

  async function openSeed(row: store.SessionRow): Promise<Buffer> {
    return Buffer.from(await secrets.openSystem(purposeOf(row.id), row.sealed_seed), 'base64');
  }

  /** The session that a genuine refresh token belongs to; undefined for anything else. */
  async function familyOf(text: string) {
    const token = readRefreshToken(text);
    const row = token && (await store.findSession(db.system, token.tenantId, token.sessionId));
    if (token === undefined || row === undefined) return undefined;
    const seed = await openSeed(row);
    return isGenuine(text, seed) ? { token, row, seed } : undefined;
  }

  /** Rotates, repeats or revokes, under the family's row lock. Answers the generation to hand out. */
  async function turn(tx: SystemTx, { tenantId, sessionId, generation }: RefreshToken, client: Client) {
    const row = await store.lockSession(tx, tenantId, sessionId);
    if (row === undefined) return undefined;
    const now = clock.now();
    const decision = decideRefresh(stateOf(row), generation, now.getTime());
    if (decision === 'repeat') return generation + 1;
    if (decision === 'rotate') {
      const rotations = [now.getTime(), ...row.rotations].slice(0, ROTATIONS_KEPT);
      const expiresAt = new Date(Math.min(now.getTime() + SESSION_IDLE_MS, row.ends_at.getTime()));
      await store.rotateSession(tx, { tenantId, id: sessionId, rotations, now, expiresAt });
      return generation + 1;
    }
    if (decision === 'reused') {
      const actor: Actor = { kind: 'system', id: 'identity' };
      const session = { tenantId, id: sessionId, userId: row.user_id, reason: 'refresh_reused', now };
      const gone = await store.revokeSession(tx, session);
      const data = { user_id: row.user_id, session_id: sessionId, network: networkOf(client.ip) };
      announce(tx, tenantId, { type: refreshReused, subject: sessionId, data });
      if (gone) ended(tx, [gone], { reason: 'refresh_reused', actor });
    }
    return undefined;
  }

  return {
    ended,
    forget,

    async draft(): Promise<SessionDraft> {
      const id = uuidv7(nowMs());
      const seed = randomBytes(32);
      const [sealedSeed] = await Promise.all([
        secrets.sealSystem(purposeOf(id), seed.toString('base64')),
        keys.ready(),
      ]);
      return { id, seed, sealedSeed };
    },

    async begin(tx: SystemTx, draft: SessionDraft, { tenantId, userId, client, method }: Beginning): Promise<Grant> {
      const now = clock.now();
      await store.insertSession(tx, {
        tenantId,
        id: draft.id,
        user_id: userId,
        sealed_seed: draft.sealedSeed,
        ip: client.ip,
        user_agent: client.userAgent?.slice(0, 300) ?? null,
        created_at: now,
        expires_at: new Date(now.getTime() + SESSION_IDLE_MS),
        ends_at: new Date(now.getTime() + SESSION_LIFE_MS),
      });
      const actor: Actor = { kind: 'user', id: userId, sessionId: draft.id };
      const surplus = { tenantId, userId, keep: MAX_SESSIONS, reason: 'too_many', now };
      ended(tx, await store.revokeSurplusSessions(tx, surplus), { reason: 'too_many', actor });
      const data = { user_id: userId, session_id: draft.id, method, network: networkOf(client.ip), by: by(actor) };
      announce(tx, tenantId, { type: userSignedIn, subject: userId, data });
      return grant({ tenantId, userId, sessionId: draft.id, generation: 1 }, draft.seed);
    },

    /** The successor of a refresh token. Throws AppError `invalid_grant`. */
    async refresh(text: string, client: Client): Promise<Grant> {
      const family = await familyOf(text);
      if (family === undefined) throw new AppError('invalid_grant');
      await keys.ready();
      const generation = await db.inSystemTx((tx) => turn(tx, family.token, client));
      if (generation === undefined) throw new AppError('invalid_grant');
      return grant({ ...family.token, userId: family.row.user_id, generation }, family.seed);
    },

    /** Ends the session of a genuine refresh token; anything else has no effect and no answer (RFC 7009). */
    async signOut(text: string): Promise<void> {
      const family = await familyOf(text);
      if (family === undefined || family.row.revoked_at !== null) return;
      const { token, row } = family;
      await this.end({ tenantId: token.tenantId, id: row.id, userId: row.user_id, reason: 'signed_out' });
    },

    /** Ends one session of a user. Answers whether there was one to end. */
    async end(session: { tenantId: string; id: string; userId: string; reason: RevokeReason }): Promise<boolean> {
      const actor: Actor = { kind: 'user', id: session.userId, sessionId: session.id };
      return db.inSystemTx(async (tx) => {
        const gone = await store.revokeSession(tx, { ...session, now: clock.now() });
        if (gone) ended(tx, [gone], { reason: session.reason, actor });
        return gone !== undefined;
      });
    },

    /** The caller's own live sessions in this tenant, the one used last first. */
    async list(ctx: Ctx): Promise<Session[]> {
      const { actor } = ctx;
      if (actor.kind !== 'user') throw new AppError('permission_denied', { message: 'Only a user has sessions.' });
      const rows = await store.listSessions(db.reader(ctx), ctx.tenantId, actor.id, clock.now());
      return rows.map((row) => ({
        id: row.id,
        current: row.id === actor.sessionId,
        ip: row.ip,
        user_agent: row.user_agent,
        created_at: row.created_at.toISOString(),
        last_used_at: row.last_used_at.toISOString(),
        expires_at: row.expires_at.toISOString(),
      }));
    },

    /** Ends one of the caller's own sessions in this tenant, the current one too. */
    async revoke(ctx: Ctx, id: string): Promise<void> {
      const { actor, tenantId } = ctx;
      if (actor.kind !== 'user') throw new AppError('permission_denied', { message: 'Only a user has sessions.' });
      const row = { tenantId, id, userId: actor.id, reason: 'revoked', now: clock.now() };
      await db.inTx(ctx, async (tx) => {
        const gone = await store.revokeSession(tx, row);
        if (gone === undefined) throw new AppError('not_found');
        ended(tx, [gone], { reason: 'revoked', actor });
      });
    },

    /** When the session of a token ends, in Unix milliseconds. Throws `unauthenticated` when it is over. */
    async check({ tid, sid, sub }: Pick<AccessClaims, 'tid' | 'sid' | 'sub'>): Promise<number> {
      const key = cacheKey(tid, sid);
      const load = async () => {
        const row = await store.findSession(db.system, tid, sid);
        return row && { ...stateOf(row), userId: row.user_id };
      };
      const session = await cache.get(key, load);
      if (session === undefined || session.userId !== sub || !isAlive(session, nowMs()))
        throw new AppError('unauthenticated', { message: 'The session is over.' });
      return Math.min(session.expiresAtMs, session.endsAtMs);
    },
  };
}

const purposeOf = (id: string) => `sessions/${id}/sealed_seed`;

const stateOf = (row: store.SessionRow): SessionState => ({
  generation: row.generation,
  rotations: row.rotations,
  expiresAtMs: row.expires_at.getTime(),
  endsAtMs: row.ends_at.getTime(),
  revoked: row.revoked_at !== null,
});
