import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { CompactSign, compactVerify, SignJWT } from 'jose';
import type { Clock } from '../../../lib/clock.ts';
import { uuidv7 } from '../../../lib/ids.ts';
import type { Secrets } from '../../../platform/config/secrets.ts';
import type { Db, SystemTx } from '../../../platform/db/queries.ts';
import type { Jwks } from '../schemas.ts';
import { ACCESS_TOKEN_SECONDS, isRotationDue, KEY_LEAD_MS, publishedKeysAt, signingKeyAt } from './rules.ts';
import { insertKey, type KeyRow, listKeys, lockKeys } from './store.ts';

/** How long this process believes its list of keys; a new key is published for an hour before it is used. */
const LIST_MAX_AGE_MS = 60_000;
/** An unknown key id makes us look again, at most this often. */
const LOOK_AGAIN_MS = 5_000;

type Pair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
type Key = { readonly id: string; readonly activeFromMs: number; open(): Promise<Pair> };

/** The installation's Ed25519 keys: they sign access tokens and statements (audit checkpoints). */
export type SigningKeys = {
  /** Resolves when there is a key to sign with; call it before a transaction that will sign. */
  ready(): Promise<void>;
  signAccessToken(subject: { userId: string; tenantId: string; sessionId: string }): Promise<string>;
  /** The public half, if tokens of this key can be alive. */
  publicKeyOf(id: string): Promise<KeyObject | undefined>;
  jwks(): Promise<Jwks>;
  /** Publishes the next key when it is time; the schedule calls it. Answers whether it did. */
  rotate(): Promise<boolean>;
  /** Signs a small JSON value as a compact JWS; `typ` says what kind of statement it is. */
  signStatement(typ: string, statement: unknown): Promise<string>;
  /** The signed value, also when the key has long been retired; undefined when this installation never signed it. */
  readStatement(typ: string, jws: string): Promise<unknown>;
};

type KeysDeps = { db: Db; secrets: Secrets; clock: Clock; issuer: string; audience: string };

export function createSigningKeys({ db, secrets, clock, issuer, audience }: KeysDeps): SigningKeys {
  const known = new Map<string, Key>();
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const nowMs = () => clock.now().getTime();

  const asKey = (row: KeyRow): Key => {
    let pair: Promise<Pair> | undefined;
    const open = () => {
      pair ??= openPair(secrets, row);
      // A failure (the database away for a moment) is not remembered.
      pair.catch(() => {
        pair = undefined;
      });
      return pair;
    };
    return { id: row.id, activeFromMs: row.active_from.getTime(), open };
  };

  async function read(): Promise<void> {
    let rows = await listKeys(db.system);
    if (rows.length === 0) {
      await makeKeyIfDue();
      rows = await listKeys(db.system);
    }
    for (const row of rows) if (!known.has(row.id)) known.set(row.id, asKey(row));
    readAtMs = nowMs();
  }

  /** The keys as of at most `maxAgeMs` ago. */
  async function keys(maxAgeMs = LIST_MAX_AGE_MS): Promise<Key[]> {
    if (nowMs() - readAtMs > maxAgeMs) {
      reading ??= read().finally(() => {
        reading = undefined;
      });
      await reading;
    }
    return [...known.values()];
  }

  async function makeKeyIfDue(): Promise<boolean> {
    const row = await newKey(secrets, clock.now());
    return db.inSystemTx(async (tx: SystemTx) => {
      await lockKeys(tx);
      const times = (await listKeys(tx)).map((key) => ({ id: key.id, activeFromMs: key.active_from.getTime() }));
      if (!isRotationDue(times, nowMs())) return false;
      // The first key has nobody to be announced to; every other one is published before it is used.
      const activeFrom = times.length === 0 ? row.created_at : new Date(nowMs() + KEY_LEAD_MS);
      await insertKey(tx, { ...row, active_from: activeFrom });
      return true;
    });
  }

  /** The key to sign with. Once a list was read this asks no connection: it is called within transactions. */
  async function current(): Promise<{ id: string; privateKey: KeyObject }> {
    const key = signingKeyAt(known.size > 0 ? [...known.values()] : await keys(), nowMs());
    if (key === undefined) throw new Error('There is no signing key that is active yet');
    return { id: key.id, privateKey: (await key.open()).privateKey };
  }

  return {
    async ready() {
      await keys();
      await current();
    },
    async signAccessToken({ userId, tenantId, sessionId }) {
      const { id, privateKey } = await current();
      const issuedAt = Math.floor(nowMs() / 1_000);
      return new SignJWT({ tid: tenantId, sid: sessionId })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: id })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(userId)
        .setJti(uuidv7(nowMs()))
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + ACCESS_TOKEN_SECONDS)
        .sign(privateKey);
    },
    async publicKeyOf(id) {
      let all = await keys();
      if (!known.has(id)) all = await keys(LOOK_AGAIN_MS);
      const key = publishedKeysAt(all, nowMs()).find((one) => one.id === id);
      return key && (await key.open()).publicKey;
    },
    async jwks() {
      const published = publishedKeysAt(await keys(), nowMs());
      return { keys: await Promise.all(published.map(async (key) => publicJwk(key.id, (await key.open()).publicKey))) };
    },
    async rotate() {
      const made = await makeKeyIfDue();
      if (made) readAtMs = Number.NEGATIVE_INFINITY;
      return made;
    },
    async signStatement(typ, statement) {
      const { id, privateKey } = await current();
      return new CompactSign(Buffer.from(JSON.stringify(statement)))
        .setProtectedHeader({ alg: 'EdDSA', typ, kid: id })
        .sign(privateKey);
    },
    async readStatement(typ, jws) {
      await keys();
      try {
        const { payload } = await compactVerify(
          jws,
          async (header) => {
            const key = header.typ === typ && header.kid !== undefined ? known.get(header.kid) : undefined;
            if (key === undefined) throw new Error('This statement is not of this kind or installation');
            return (await key.open()).publicKey;
          },
          { algorithms: ['EdDSA'] },
        );
        return JSON.parse(Buffer.from(payload).toString()) as unknown;
      } catch {
        return undefined;
      }
    },
  };
}

async function newKey(secrets: Secrets, now: Date): Promise<KeyRow> {
  const id = randomBytes(12).toString('base64url');
  const { privateKey } = generateKeyPairSync('ed25519');
  const der = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  return { id, sealed: await secrets.sealSystem(purposeOf(id), der), created_at: now, active_from: now };
}

/** The public half is made from the sealed private one: nobody can slip in a key of theirs by writing a row. */
async function openPair(secrets: Secrets, row: KeyRow): Promise<Pair> {
  const der = Buffer.from(await secrets.openSystem(purposeOf(row.id), row.sealed), 'base64');
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

const purposeOf = (id: string) => `signing_keys/${id}/sealed`;

function publicJwk(kid: string, key: KeyObject): Jwks['keys'][number] {
  const { x = '' } = key.export({ format: 'jwk' });
  return { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' };
}
