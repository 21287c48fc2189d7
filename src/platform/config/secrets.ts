import { createCipheriv, createDecipheriv, randomBytes, randomFillSync } from 'node:crypto';
import type { Db } from '../db/queries.ts';
import { addSystemKey, addTenantKey, systemKeys, tenantKeys } from './sql.ts';

/**
 * Secrets at rest: AES-256-GCM under a data key per tenant, itself sealed by the master key.
 * `purpose` (`table/row/column`) is bound to the ciphertext, so that it opens nowhere else.
 */
export interface Secrets {
  seal(tenantId: string, purpose: string, plaintext: string): Promise<string>;
  /** Throws when the text was changed, moved to another purpose, or belongs to another tenant. */
  open(tenantId: string, purpose: string, sealed: string): Promise<string>;
  /** For what belongs to no tenant (signing keys): sealed by the system's own data key. */
  sealSystem(purpose: string, plaintext: string): Promise<string>;
  openSystem(purpose: string, sealed: string): Promise<string>;
}

/** A sealed text that does not open: changed, moved, another tenant's, or sealed under another master key. */
export class UnsealError extends Error {
  constructor(cause?: unknown) {
    super(
      'A secret could not be opened: it was changed or moved, or the master key is not the one it was sealed with',
      {
        cause,
      },
    );
  }
}

/** Whose data key: a tenant's id, or the system's own. */
type Holder = string | typeof SYSTEM;
const SYSTEM = 'system';

/** Data keys by version; the highest seals. */
type KeyRing = { readonly newest: number; readonly keys: ReadonlyMap<number, Buffer> };

const MAX_CACHED_RINGS = 10_000;

/** Secrets kept in `db`. Data keys are made when they are first needed, opened once, and kept in memory. */
export function createSecrets({ db, masterKey }: { db: Db; masterKey: Buffer }): Secrets {
  const rings = new Map<Holder, Promise<KeyRing>>();
  const nonceOf = nonces();

  const ringOf = (holder: Holder): Promise<KeyRing> => {
    const cached = rings.get(holder);
    if (cached !== undefined) return cached;
    if (rings.size >= MAX_CACHED_RINGS) rings.clear();
    const ring = loadRing(db, masterKey, holder);
    rings.set(holder, ring);
    ring.catch(() => rings.delete(holder));
    return ring;
  };

  const seal = async (holder: Holder, purpose: string, plaintext: string) => {
    const { newest, keys } = await ringOf(holder);
    const data = aad(holder, purpose, newest);
    return `v${newest}.${encrypt(keys.get(newest) as Buffer, { nonce: nonceOf(), data, plaintext: Buffer.from(plaintext) })}`;
  };
  const open = async (holder: Holder, purpose: string, sealed: string) => {
    const [, version, body] = /^v(\d{1,9})\.([A-Za-z0-9_-]+)$/.exec(sealed) ?? [];
    if (version === undefined || body === undefined) throw new UnsealError();
    const key = (await ringOf(holder)).keys.get(Number(version));
    if (key === undefined) throw new UnsealError();
    return decrypt(key, aad(holder, purpose, Number(version)), body).toString();
  };
  return {
    seal,
    open,
    sealSystem: (purpose, plaintext) => seal(SYSTEM, purpose, plaintext),
    openSystem: (purpose, sealed) => open(SYSTEM, purpose, sealed),
  };
}

async function loadRing(db: Db, masterKey: Buffer, holder: Holder): Promise<KeyRing> {
  const read = () => (holder === SYSTEM ? systemKeys(db.system) : tenantKeys(db.system, holder));
  let rows = await read();
  if (rows.length === 0) {
    const row = { version: 1, sealed: sealKey(masterKey, aad(holder, 'data-key', 1)) };
    await (holder === SYSTEM ? addSystemKey(db.system, row) : addTenantKey(db.system, holder, row));
    rows = await read();
  }
  const keys = new Map(
    rows.map(({ version, sealed }) => [version, decrypt(masterKey, aad(holder, 'data-key', version), sealed)]),
  );
  return { newest: Math.max(...keys.keys()), keys };
}

/** What a ciphertext is bound to, without a way to read two parts as other two. */
const aad = (holder: Holder, purpose: string, version: number) =>
  Buffer.from(JSON.stringify([holder, purpose, version]));

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Random nonces, each once. Drawn 256 at a time: one system call instead of 256, which were a fortieth of an order's time. */
function nonces(): () => Buffer {
  const pool = Buffer.alloc(NONCE_BYTES * 256);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += NONCE_BYTES;
    return pool.subarray(used - NONCE_BYTES, used);
  };
}

const sealKey = (masterKey: Buffer, data: Buffer): string =>
  encrypt(masterKey, { nonce: randomBytes(NONCE_BYTES), data, plaintext: randomBytes(32) });

type Sealing = { readonly nonce: Buffer; readonly data: Buffer; readonly plaintext: Buffer };

/** nonce | ciphertext | tag, base64url. Random nonces are good for 2^32 texts a key. */
function encrypt(key: Buffer, { nonce, data, plaintext }: Sealing): string {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(data);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

function decrypt(key: Buffer, data: Buffer, text: string): Buffer {
  const sealed = Buffer.from(text, 'base64url');
  // Base64 has several spellings for some endings; only ours is accepted.
  if (sealed.length < NONCE_BYTES + TAG_BYTES || sealed.toString('base64url') !== text) throw new UnsealError();
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(sealed.length - TAG_BYTES);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(data).setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw new UnsealError(error);
  }
}
