import type { FastifyRequest } from 'fastify';
import type { Secrets } from '../config/secrets.ts';
import type { Ctx } from '../context.ts';
import type { Db, SystemTx, Tx } from '../db/queries.ts';
import { AppError } from '../http/errors.ts';
import type { MountedRoute } from '../http/routes.ts';
import type { Schedule } from '../jobs/schedule.ts';
import type { Histogram, Metrics } from '../telemetry/metrics.ts';
import {
  type Answer,
  type Given,
  idempotencyKeyOf,
  inProgress,
  keyedBy,
  type Room,
  replay,
  type TenantRoom,
} from './keys.ts';
import { findAnswer, findPublicAnswer, keepAnswers, keepPublicAnswer, purgeAnswers, tryLock } from './sql.ts';
import { createTogether, type TogetherWork } from './together.ts';

/** Whose keys they are. */
const whoOf = ({ tenantId, actor }: Ctx): readonly string[] => [tenantId, actor.kind, actor.id];

type Command<X extends Tx | SystemTx, P> = {
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
  readonly #sizes: Histogram;

  constructor({ db, secrets, metrics }: { db: Db; secrets: Secrets; metrics: Metrics }) {
    this.#db = db;
    this.#secrets = secrets;
    this.#sizes = metrics.histogram({
      name: 'commands_together',
      help: 'Commands that one transaction carried out, of the routes whose commands share one.',
      labels: ['route'],
      buckets: [1, 2, 4, 8, 16, 32, 64],
    });
  }

  /** In one transaction of the ctx's tenant. */
  run<P>(ctx: Ctx, command: Command<Tx, P>): Promise<Given> {
    return once(this.#roomOf(ctx), command, whoOf(ctx));
  }

  /**
   * For a command whose requests of one tenant share a transaction where several arrive at once. It always has a key:
   * without one, nobody could find out what became of it.
   */
  together<I, A>(
    route: MountedRoute,
    work: TogetherWork<I, A>,
  ): (ctx: Ctx, request: FastifyRequest, input: I) => Promise<Given> {
    const size = this.#sizes.labels(route.urls[0] as string);
    const run = createTogether({ roomOf: this.#roomOf, onRound: (commands) => size.observe(commands), ...work });
    return async (ctx, request, input) => {
      const key = idempotencyKeyOf(request);
      if (key === undefined) throw new AppError('idempotency_key_required');
      return run({ ctx, input, keyed: keyedBy([...whoOf(ctx), route.method, route.urls[0] as string, key], request) });
    };
  }

  readonly #roomOf = (ctx: Ctx): TenantRoom => {
    const db = this.#db;
    const secrets = this.#secrets;
    const { tenantId } = ctx;
    const purpose = (scope: Buffer) => `idempotent_answers/${scope.toString('hex')}/answer`;
    return {
      // Not a getter: in a literal that is a shape of its own for each request, with all that it holds.
      outside: () => db.reader(ctx),
      inTx: (fn) => db.inTx(ctx, fn),
      find: (queries, scope) => findAnswer(queries, tenantId, scope),
      keep: (scope, kept) => keepAnswers(tenantId, [{ scope, ...kept }]),
      keepAll: (answers) => keepAnswers(tenantId, answers),
      ready: () => secrets.seal(tenantId, 'ready', ''),
      seal: (scope, text) => secrets.seal(tenantId, purpose(scope), text),
      open: (scope, sealed) => secrets.open(tenantId, purpose(scope), sealed),
    };
  };

  /** In one transaction of the system; the key counts for everybody who is nobody. */
  runPublic<P>(command: Command<SystemTx, P>): Promise<Given> {
    const secrets = this.#secrets;
    const purpose = (scope: Buffer) => `public_idempotent_answers/${scope.toString('hex')}/answer`;
    const room: Room<SystemTx> = {
      outside: () => this.#db.system,
      inTx: (fn) => this.#db.inSystemTx(fn),
      find: findPublicAnswer,
      keep: keepPublicAnswer,
      ready: () => secrets.sealSystem('ready', ''),
      seal: (scope, text) => secrets.sealSystem(purpose(scope), text),
      open: (scope, sealed) => secrets.openSystem(purpose(scope), sealed),
    };
    return once(room, command, ['public']);
  }
}

async function once<X extends Tx | SystemTx, P>(
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
    const find = async () => replay(room, keyed, await room.find(room.outside(), keyed.scope));
    const known = await find();
    if (known !== undefined) return known;
    try {
      prepared = await command.prepare();
    } catch (error) {
      // Another one with this key may have done it meanwhile: what has been done cannot be prepared any more.
      const done = await find();
      if (done !== undefined) return done;
      throw error;
    }
  }
  await room.ready();
  return room.inTx(async (tx) => {
    // Two statements, sent together: the second one's snapshot is taken when the first has the lock.
    const [locked, kept] = await Promise.all([tryLock(tx, keyed.lock), room.find(tx, keyed.scope)]);
    if (!locked) throw inProgress();
    const first = await replay(room, keyed, kept);
    if (first !== undefined) return first;
    const answer = await command.work(tx, prepared);
    const sealed = await room.seal(keyed.scope, JSON.stringify(answer));
    // In one breath with the commit: the rows that the work locked are free a round trip earlier, and nobody has the
    // answer before that.
    tx.send(room.keep(keyed.scope, { fingerprint: keyed.fingerprint, answer: sealed }));
    return { ...answer, replayed: false };
  });
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
