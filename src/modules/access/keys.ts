import type { Clock } from '../../lib/clock.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { Principal } from '../../platform/auth/authenticate.ts';
import { createFreshCache } from '../../platform/auth/fresh-cache.ts';
import { digestTextOf, newOpaque, readOpaque } from '../../platform/auth/opaque.ts';
import type { Permission } from '../../platform/auth/permissions.ts';
import type { Actor, Confinement, Ctx } from '../../platform/context.ts';
import type { Db, SystemTx, Tx } from '../../platform/db/queries.ts';
import { AppError } from '../../platform/http/errors.ts';
import { type PageQuery, pageRange } from '../../platform/http/paging.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { announce, by, type Identity, type Rights } from '../identity/index.ts';
import { apiKeyCreated, apiKeyRevoked } from './events.ts';
import { expiryFault, permissionsOfKey, scopesBeyond } from './rules.ts';
import type { ApiKey, CreateApiKey, NewApiKey } from './schemas.ts';
import * as store from './store.ts';

export const KEY_NAME = 'parley_key';
/** `parley_key_` and eight characters of the secret: 48 of its 256 bits. */
const PREFIX_LENGTH = KEY_NAME.length + 1 + 8;
/** Keys of one tenant that are good. */
const MAX_KEYS = 1_000;
/** Of these a discussion may need 32, and they are made by programs. */
const MAX_CONFINED_KEYS = 10_000;
const TOUCH_EVERY_MS = 60_000;
const MAX_TOUCHED = 10_000;

type NewKey = {
  readonly tenantId: string;
  readonly userId: string;
  readonly name: string;
  readonly scopes: readonly Permission[];
  readonly expiresAt?: Date | undefined;
  readonly confinedTo?: Confinement;
  readonly madeBy?: string | null;
  readonly actor: Actor;
};

export type NewConfinedKey = Required<Pick<NewKey, 'name' | 'scopes' | 'confinedTo'>> & Pick<NewKey, 'expiresAt'>;
/** A key that was asked for, and who it was when its member's rights were these. */
type Known = { readonly tenantId: string; readonly row: store.ApiKeyRow; rights?: Rights; principal?: Principal };
type Revocation = 'revoked' | 'member_removed' | 'replaced' | 'maker_revoked';

export type ApiKeys = ReturnType<typeof createApiKeys>;

type ApiKeysDeps = { db: Db; clock: Clock; hub: Hub; identity: Identity; log: Logger };

export function createApiKeys({ db, clock, hub, identity, log }: ApiKeysDeps) {
  const nowMs = () => clock.now().getTime();
  const cache = createFreshCache<Known>({ fresh: () => hub.lagMs() <= 1_000, nowMs });
  const touched = new Map<string, number>();
  const running = new Set<Promise<unknown>>();

  /** Work beside an answer: nobody waits for it but `settled`. */
  function aside(what: string, work: Promise<unknown>): void {
    const task = work.catch((error: unknown) => log.warn(what, { error })).finally(() => running.delete(task));
    running.add(task);
  }

  function touch(tenantId: string, id: string): void {
    const now = clock.now();
    if (now.getTime() - (touched.get(id) ?? Number.NEGATIVE_INFINITY) < TOUCH_EVERY_MS) return;
    touched.delete(id);
    if (touched.size >= MAX_TOUCHED) for (const first of touched.keys()) if (touched.delete(first)) break;
    touched.set(id, now.getTime());
    const before = new Date(now.getTime() - TOUCH_EVERY_MS);
    const write = db.inSystemTx((tx) => store.touchKey(tx, { tenantId, id, now, before }));
    aside('The last use of an API key could not be written', write);
  }

  /** This process forgets the key, and its open streams end. */
  function forget(tenantId: string, id: string): void {
    cache.dropWhere(({ row }) => row.id === id);
    hub.revoke({ tenantId, actorId: id });
  }

  function refuseExpired(row: store.ApiKeyRow): void {
    if (row.expires_at !== null && row.expires_at.getTime() <= nowMs())
      throw new AppError('unauthenticated', { message: 'This API key has expired.' });
  }

  async function principalOf(tenantId: string, row: store.ApiKeyRow | undefined): Promise<Principal> {
    if (row === undefined) throw notGood();
    refuseExpired(row);
    const maker = await identity.rightsOf(tenantId, row.user_id);
    if (maker === undefined) throw notGood();
    return principalWith(tenantId, row, maker);
  }

  /** Who a key is that is known, as is what its member may do: nobody is asked, and nothing made anew. */
  function knownPrincipal(digest: string): Principal | undefined {
    const known = cache.peek(digest);
    const rights = known && identity.knownRightsOf(known.tenantId, known.row.user_id);
    if (known === undefined || rights === undefined) return undefined;
    refuseExpired(known.row);
    if (known.principal === undefined || known.rights !== rights) {
      known.rights = rights;
      known.principal = principalWith(known.tenantId, known.row, rights);
    }
    return known.principal;
  }

  async function askedPrincipal(token: string, text: string): Promise<Principal> {
    const read = readOpaque(KEY_NAME, token);
    if (read === undefined) throw new AppError('unauthenticated');
    const { tenantId, digest } = read;
    const known = await cache.get(text, async () => {
      const row = await store.findKeyByDigest(db.system, tenantId, digest);
      return row && { tenantId, row };
    });
    const principal = await principalOf(tenantId, known?.row);
    touch(tenantId, principal.actor.id);
    return principal;
  }

  async function insert(tx: Tx | SystemTx, key: NewKey): Promise<NewApiKey> {
    const { tenantId, userId, name, scopes, expiresAt, actor, confinedTo, madeBy = null } = key;
    const { total = 0, confined = 0 } = (await store.countLiveKeys(tx, tenantId)) ?? {};
    if (!confinedTo && total - confined >= MAX_KEYS)
      throw new AppError('limit_reached', { message: `A tenant has at most ${MAX_KEYS} API keys.` });
    if (confinedTo && confined >= MAX_CONFINED_KEYS)
      throw new AppError('limit_reached', { message: `A tenant has at most ${MAX_CONFINED_KEYS} keys of seats.` });
    const now = clock.now();
    const { token, digest } = newOpaque(KEY_NAME, tenantId);
    const row: store.ApiKeyRow = {
      id: uuidv7(now.getTime()),
      user_id: userId,
      name,
      prefix: token.slice(0, PREFIX_LENGTH),
      scopes: [...scopes],
      expires_at: expiresAt ?? null,
      last_used_at: null,
      created_at: now,
      confined_to: confinedTo ?? null,
      made_by: madeBy,
    };
    await store.insertKey(tx, { ...row, tenantId, digest });
    const { id, prefix } = row;
    const data = {
      api_key_id: id,
      prefix,
      scopes: [...scopes],
      expires_at: expiresAt?.toISOString() ?? null,
      ...(confinedTo && { confined_to: { ...confinedTo } }),
      by: by(actor),
    };
    announce(tx, tenantId, { type: apiKeyCreated, subject: id, data });
    return { ...asApiKey(row), key: token };
  }

  /** Tells of a key's end, here and (through the log) everywhere. */
  function revoked(tx: Tx, id: string, reason: Revocation): void {
    const { tenantId, actor } = tx.ctx;
    announce(tx, tenantId, { type: apiKeyRevoked, subject: id, data: { api_key_id: id, reason, by: by(actor) } });
    tx.afterCommit(() => forget(tenantId, id));
  }

  async function revokeConfined(tx: Tx, confinedTo: Confinement, reason: Revocation): Promise<boolean> {
    const row = await store.revokeConfinedKey(tx, { confinedTo, now: clock.now() });
    if (row) revoked(tx, row.id, reason);
    return row !== undefined;
  }

  return {
    forget,

    authenticate(token: string): Principal | Promise<Principal> {
      const text = digestTextOf(token);
      const principal = knownPrincipal(text);
      if (principal === undefined) return askedPrincipal(token, text);
      touch(principal.tenantId, principal.actor.id);
      return principal;
    },

    /** Who a key is that is known by its id (a ticket's). */
    principalOfKey: async (tenantId: string, id: string): Promise<Principal> =>
      principalOf(tenantId, await store.findKey(db.system, tenantId, id)),

    /** Makes a key for the caller, with at most the caller's own permissions. */
    async create(tx: Tx, input: CreateApiKey): Promise<NewApiKey> {
      const { ctx } = tx;
      // A key of a key would outlive it: whoever stole one would keep a way in after it was revoked.
      if (ctx.actor.kind !== 'user')
        throw new AppError('permission_denied', { message: 'Only a member can make an API key.' });
      refuseBeyond(input.scopes, ctx);
      const expiresAt = input.expires_at === undefined ? undefined : new Date(input.expires_at);
      const fault = expiresAt && expiryFault(expiresAt, clock.now());
      if (fault !== undefined)
        throw validationFailed([{ in: 'body', field: 'expires_at', rule: 'range', message: fault }]);
      const { name, scopes } = input;
      const { tenantId, actor } = ctx;
      return insert(tx, { tenantId, userId: actor.id, name, scopes, expiresAt, actor });
    },

    /**
     * Makes the one key that is good for this and nothing else, in place of the one before. It acts for the member who
     * asks, or for whom the API key acts that asks; then it ends with that key.
     */
    async issueConfined(tx: Tx, { name, scopes, confinedTo, expiresAt }: NewConfinedKey): Promise<NewApiKey> {
      const { tenantId, actor } = tx.ctx;
      refuseBeyond(scopes, tx.ctx);
      const maker = await makerIn(tx);
      await revokeConfined(tx, confinedTo, 'replaced');
      const ends = [expiresAt, maker.expiresAt].filter((end) => end !== undefined);
      const earliest = ends.length === 0 ? undefined : new Date(Math.min(...ends.map(Number)));
      const { userId, madeBy } = maker;
      return insert(tx, { tenantId, userId, madeBy, name, scopes, confinedTo, expiresAt: earliest, actor });
    },

    /** Ends the key that is confined to this; false when there is none. */
    revokeConfined: (tx: Tx, confinedTo: Confinement): Promise<boolean> => revokeConfined(tx, confinedTo, 'revoked'),

    /** The same without a caller: for commands and tests. */
    async createFor(key: Omit<NewKey, 'actor'>): Promise<NewApiKey> {
      const rights = await identity.rightsOf(key.tenantId, key.userId);
      if (rights === undefined || scopesBeyond(key.scopes, rights.permissions).length > 0)
        throw new AppError('permission_denied', { message: 'A key cannot have more rights than its member has.' });
      const actor: Actor = { kind: 'system', id: 'access' };
      return db.inSystemTx((tx) => insert(tx, { ...key, actor }));
    },

    async list(ctx: Ctx, page: PageQuery) {
      const reader = db.reader(ctx);
      const [rows, count] = await Promise.all([
        store.listKeys(reader, ctx.tenantId, pageRange(page)),
        store.countLiveKeys(reader, ctx.tenantId),
      ]);
      return { items: rows.map(asApiKey), total: count?.total ?? 0, ...page };
    },

    async revoke(ctx: Ctx, id: string): Promise<void> {
      await db.inTx(ctx, async (tx) => {
        if ((await store.revokeKey(tx, { tenantId: ctx.tenantId, id, now: clock.now() })) === 0)
          throw new AppError('not_found');
        revoked(tx, id, 'revoked');
        // What it made must not outlive it.
        const made = await store.revokeKeysMadeBy(tx, { keyId: id, now: clock.now() });
        for (const one of made) revoked(tx, one.id, 'maker_revoked');
      });
    },

    /** A member left: the keys made until then are revoked. */
    async revokeAllOf(tx: Tx, { userId, madeBy }: { userId: string; madeBy: Date }): Promise<void> {
      const { tenantId } = tx.ctx;
      for (const { id } of await store.revokeKeysOf(tx, { tenantId, userId, madeBy, now: clock.now() }))
        revoked(tx, id, 'member_removed');
    },

    /** A member's rights changed: the open streams of the member's keys end, and ask again. */
    endStreamsOf(tenantId: string, userId: string): void {
      const end = async () => {
        for (const { id } of await store.listKeyIdsOf(db.system, tenantId, userId))
          hub.revoke({ tenantId, actorId: id });
      };
      aside('Streams of a changed member could not be ended', end());
    },

    /** Resolves when work beside answers until now is done. */
    async settled(): Promise<void> {
      await Promise.all(running);
    },
  };
}

const notGood = () => new AppError('unauthenticated', { message: 'This API key is not good.' });

const principalWith = (tenantId: string, row: store.ApiKeyRow, maker: Rights): Principal => ({
  tenantId,
  actor: { kind: 'api_key', id: row.id, ...(row.confined_to && { confinedTo: row.confined_to }) },
  roles: [],
  permissions: permissionsOfKey(row.scopes, maker.permissions),
  expiresAtMs: row.expires_at?.getTime(),
});

/** Whose key the caller of this transaction makes, and with which key it ends. */
async function makerIn(tx: Tx): Promise<{ userId: string; madeBy: string | null; expiresAt: Date | undefined }> {
  const { actor } = tx.ctx;
  if (actor.kind === 'user') return { userId: actor.id, madeBy: null, expiresAt: undefined };
  const key =
    actor.kind === 'api_key' && actor.confinedTo === undefined ? await store.holdKey(tx, actor.id) : undefined;
  // Revoked since this request was let in; or one that cannot make any.
  if (key === undefined) throw notGood();
  return { userId: key.user_id, madeBy: key.id, expiresAt: key.expires_at ?? undefined };
}

function refuseBeyond(scopes: readonly Permission[], { permissions }: Ctx): void {
  const beyond = scopesBeyond(scopes, permissions);
  if (beyond.length === 0) return;
  throw new AppError('permission_denied', {
    message: 'A key cannot have more rights than you have.',
    details: { scopes: beyond },
  });
}

const asApiKey = (row: store.ApiKeyRow): ApiKey => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  scopes: row.scopes,
  user_id: row.user_id,
  confined_to: row.confined_to,
  expires_at: row.expires_at?.toISOString() ?? null,
  last_used_at: row.last_used_at?.toISOString() ?? null,
  created_at: row.created_at.toISOString(),
});
