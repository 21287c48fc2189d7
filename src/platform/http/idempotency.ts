import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Secrets } from '../config/secrets.ts';
import type { Ctx } from '../context.ts';
import type { Db, Queries, SystemTx, Tx } from '../db/queries.ts';
import type { Schedule } from '../jobs/schedule.ts';
import { AppError } from './errors.ts';
import type { MountedRoute } from './routes.ts';
import {
  findAnswer,
  findPublicAnswer,
  type KeptAnswer,
  keepAnswer,
  keepPublicAnswer,
  purgeAnswers,
  tryLock,
} from './sql.ts';

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
type Keyed = { readonly scope: Buffer; readonly fingerprint: Buffer; readonly lock: string };

/** What the tenant's and the system's commands do differently. */
type Room<X extends Queries> = {
  readonly outside: Queries;
  inTx<T>(fn: (tx: X) => Promise<T>): Promise<T>;
  find(queries: Queries, scope: Buffer): Promise<KeptAnswer | undefined>;
  keep(tx: X, scope: Buffer, kept: KeptAnswer): Promise<unknown>;
  seal(scope: Buffer, text: string): Promise<string>;
  open(scope: Buffer, sealed: string): Promise<string>;
};

type Command<X extends Queries, P> = {
  readonly request: FastifyRequest;
  readonly route: MountedRoute;
  /** Absent where everything happens in the transaction. */
  readonly prepare: (() => Promise<P>) | undefined;
  work(tx: X, prepared: P | undefined): Promise<Answer>;
};

/** Runs commands, each once for an Idempotency-Key (PITFALLS, "Idempotency"). */
export class Commands {
  readonly #db: Db;
  readonly #secrets: Secrets;

  constructor({ db, secrets }: { db: Db; secrets: Secrets }) {
    this.#db = db;
    this.#secrets = secrets;
  }

  /** In one transaction of the ctx's tenant. */
  run<P>(ctx: Ctx, command: Command<Tx, P>): Promise<Given> {
    const db = this.#db;
    const secrets = this.#secrets;
    const purpose = (scope: Buffer) => `idempotent_answers/${scope.toString('hex')}/answer`;
    const room: Room<Tx> = {
      get outside() {
        return db.reader(ctx);
      },
      inTx: (fn) => db.inTx(ctx, fn),
      find: (queries, scope) => findAnswer(queries, ctx.tenantId, scope),
      keep: keepAnswer,
      seal: (scope, text) => secrets.seal(ctx.tenantId, purpose(scope), text),
      open: (scope, sealed) => secrets.open(ctx.tenantId, purpose(scope), sealed),
    };
    return once(room, command, [ctx.tenantId, ctx.actor.kind, ctx.actor.id]);
  }

  /** In one transaction of the system; the key counts for everybody who is nobody. */
  runPublic<P>(command: Command<SystemTx, P>): Promise<Given> {
    const secrets = this.#secrets;
    const purpose = (scope: Buffer) => `public_idempotent_answers/${scope.toString('hex')}/answer`;
    const room: Room<SystemTx> = {
      outside: this.#db.system,
      inTx: (fn) => this.#db.inSystemTx(fn),
      find: findPublicAnswer,
      keep: keepPublicAnswer,
      seal: (scope, text) => secrets.sealSystem(purpose(scope), text),
      open: (scope, sealed) => secrets.openSystem(purpose(scope), sealed),
    };
    return once(room, command, ['public']);
  }
}

async function once<X extends Queries, P>(
  room: Room<X>,
  command: Command<X, P>,
  who: readonly string[],
): Promise<Given> {
  const { request, route } = command;
  const key = idempotencyKeyOf(request);
  if (key === undefined && route.spec.idempotency === 'required') throw new AppError('idempotency_key_required');
  if (key === undefined) {
    const prepared = await command.prepare?.();
    return room.inTx(async (tx) => ({ ...(await command.work(tx, prepared)), replayed: false }));
  }
  const keyed = keyedBy([...who, route.method, route.urls[0] as string, key], request);
  let prepared: P | undefined;
  if (command.prepare !== undefined) {
    // A repeat must not do again what `prepare` does, nor wait for it.
    const known = await replay(room, keyed, await room.find(room.outside, keyed.scope));
    if (known !== undefined) return known;
    prepared = await command.prepare();
  }
  // Loads (or makes) the data key now: sealing below must not ask for a second connection while this one is held.
  await room.seal(keyed.scope, '');
  return room.inTx(async (tx) => {
    // Two statements, sent together: the second one's snapshot is taken when the first has the lock.
    const [locked, kept] = await Promise.all([tryLock(tx, keyed.lock), room.find(tx, keyed.scope)]);
    if (!locked) throw new AppError('idempotency_in_progress', { headers: { 'retry-after': RETRY_AFTER_SECONDS } });
    const first = await replay(room, keyed, kept);
    if (first !== undefined) return first;
    const answer = await command.work(tx, prepared);
    const sealed = await room.seal(keyed.scope, JSON.stringify(answer));
    // In one breath with the commit, which fails where this does: the rows that the work locked are free a round trip
    // earlier, and nobody has the answer before that.
    room.keep(tx, keyed.scope, { fingerprint: keyed.fingerprint, answer: sealed }).catch(() => {});
    return { ...answer, replayed: false };
  });
}

/** The first request's answer. Throws `idempotency_mismatch` when that was another request. */
async function replay<X extends Queries>(
  room: Room<X>,
  keyed: Keyed,
  kept: KeptAnswer | undefined,
): Promise<Given | undefined> {
  if (kept === undefined) return undefined;
  if (!timingSafeEqual(kept.fingerprint, keyed.fingerprint)) throw new AppError('idempotency_mismatch');
  const answer = JSON.parse(await room.open(keyed.scope, kept.answer)) as Answer;
  return { ...answer, replayed: true };
}

function keyedBy(scopeParts: readonly string[], request: FastifyRequest): Keyed {
  const who = JSON.stringify(scopeParts);
  const scope = createHash('sha256').update(who).digest();
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

const PURGE_EVERY_MS = 10 * 60_000;
const PURGE_BATCH = 1_000;
const PURGE_BATCHES = 20;

/** Forgets kept answers that are older than 48 hours, in small transactions. */
export const purgeSchedule = (db: Db): Schedule => ({
  name: 'http.idempotency.purge',
  everyMs: PURGE_EVERY_MS,
  async run(signal) {
    for (let batch = 0; batch < PURGE_BATCHES && !signal.aborted; batch += 1) {
      const purged = await db.inSystemTx((tx) => purgeAnswers(tx, PURGE_BATCH));
      if (purged === 0) return;
    }
  },
});
