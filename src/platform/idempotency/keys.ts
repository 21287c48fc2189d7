import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Queries, Query, SystemTx, Tx } from '../db/queries.ts';
import { AppError } from '../http/errors.ts';
import type { KeptAnswer as Kept } from './sql.ts';

export type { Kept };

/** A command's answer as it goes out: the body is serialised already, so that a repeat is the same byte for byte. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** An answer, and whether it is the first request's. */
export type Given = Answer & { readonly replayed: boolean };

const KEY = /^[\x21-\x7e]{1,255}$/;
const RETRY_AFTER_SECONDS = '1';

/** The request's Idempotency-Key. Throws `idempotency_key_invalid` for one that is empty, too long or not ASCII. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !KEY.test(header)) throw new AppError('idempotency_key_invalid');
  return header;
}

/** Where a key counts: for one actor on one route. */
export type Keyed = { readonly scope: Buffer; readonly fingerprint: Buffer; readonly lock: string };

/** What the tenant's and the system's commands do differently. */
export type Room<X extends Tx | SystemTx> = {
  readonly outside: () => Queries;
  inTx<T>(fn: (tx: X) => Promise<T>): Promise<T>;
  find(queries: Queries, scope: Buffer): Promise<Kept | undefined>;
  keep(scope: Buffer, kept: Kept): Query<unknown>;
  /** Loads (or makes) the data key: sealing in a transaction must not ask for a second connection while one is held. */
  ready(): Promise<unknown>;
  seal(scope: Buffer, text: string): Promise<string>;
  open(scope: Buffer, sealed: string): Promise<string>;
};
export type TenantRoom = Room<Tx> & {
  keepAll(answers: readonly (Kept & { readonly scope: Buffer })[]): Query<unknown>;
};

export const inProgress = () =>
  new AppError('idempotency_in_progress', { headers: { 'retry-after': RETRY_AFTER_SECONDS } });

/** The first request's answer. Throws `idempotency_mismatch` when that was another request. */
export async function replay<X extends Tx | SystemTx>(
  room: Room<X>,
  keyed: Keyed,
  kept: Kept | undefined,
): Promise<Given | undefined> {
  if (kept === undefined) return undefined;
  if (!timingSafeEqual(kept.fingerprint, keyed.fingerprint)) throw new AppError('idempotency_mismatch');
  const answer = JSON.parse(await room.open(keyed.scope, kept.answer)) as Answer;
  return { ...answer, replayed: true };
}

/** Where a request's key counts, and what tells the request from another one under it. */
export function keyedBy(scopeParts: readonly string[], request: FastifyRequest): Keyed {
  const who = JSON.stringify(scopeParts);
  const scope = hash('sha256', who, 'buffer');
  const [path = '', query = ''] = request.url.split('?', 2);
  const sortedQuery = query.split('&').sort().join('&');
  const contentType = request.headers['content-type'] ?? '';
  // Keyed by what is not kept (the Idempotency-Key): a bare digest of a body would let its password be guessed.
  const fingerprint = createHmac('sha256', who)
    .update(JSON.stringify([request.method, path, sortedQuery, contentType]))
    .update(request.parley.rawBody ?? '')
    .digest();
  return { scope, fingerprint, lock: scope.readBigInt64BE(0).toString() };
}
