import { createGather } from '../../lib/gather.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/queries.ts';
import { AppError } from '../http/errors.ts';
import { systemCtx } from '../system-ctx.ts';
import { type Answer, type Given, inProgress, type Kept, type Keyed, replay, type TenantRoom } from './keys.ts';
import { findAnswers, tryLocks } from './sql.ts';

/** Commands of one tenant that wait for others to be committed, and how long, as for a connection: then `overloaded`. */
const MAX_WAITING = 1_000;
const MAX_WAIT_MS = 5_000;

/** What is done for several requests of one tenant at once. */
export type TogetherWork<I, A> = {
  /** Commands in one transaction at most. */
  readonly limit: number;
  /**
   * What the work must know and lock, of commands of which some may turn out to be repeats: asked for in one breath with
   * their keys, a round trip less.
   */
  ahead(tx: Tx, inputs: readonly I[]): Promise<A>;
  /** Answers each input by itself, in their order: what is refused to one is no matter to the others. */
  work(tx: Tx, inputs: readonly I[], ahead: A): Promise<readonly PromiseSettledResult<Answer>[]>;
};

/** A request with its key; `scope` is the scope in hexadecimal. */
type Asked<I> = { readonly ctx: Ctx; readonly keyed: Keyed; readonly scope: string; readonly input: I };

type Settled = PromiseSettledResult<Given>;

type Together<I, A> = TogetherWork<I, A> & {
  readonly roomOf: (ctx: Ctx) => TenantRoom;
  /** Hears how many are carried out together. */
  onRound(commands: number): void;
};

type Run<I> = (asked: { readonly ctx: Ctx; readonly keyed: Keyed; readonly input: I }) => Promise<Given>;

/**
 * Runs commands that share a transaction with whatever else of their tenant arrived while the last one was committed, each
 * once for its key and with an answer of its own. A transaction that fails is taken apart: each of its commands is tried
 * alone, so that one which cannot be written fails alone.
 */
export function createTogether<I, A>({ roomOf, onRound, limit, ahead, work }: Together<I, A>): Run<I> {
  const never = new AbortController().signal;
  /** The scopes that are waiting or being worked on here: one session's lock would not keep them from one another. */
  const here = new Set<string>();
  const deps = { roomOf, ahead, work, never };
  const gather = createGather<Asked<I>, Given>({
    limit,
    maxWaiting: MAX_WAITING,
    maxWaitMs: MAX_WAIT_MS,
    full: () => new AppError('overloaded'),
    work: (members) => {
      onRound(members.length);
      return carryOut(deps, members);
    },
  });
  return async ({ ctx, keyed, input }) => {
    const scope = keyed.scope.toString('hex');
    if (here.has(scope)) throw inProgress();
    here.add(scope);
    try {
      return await gather(ctx.tenantId, { ctx, keyed, scope, input });
    } finally {
      here.delete(scope);
    }
  };
}

type Deps<I, A> = Pick<TogetherWork<I, A>, 'ahead' | 'work'> & {
  readonly roomOf: (ctx: Ctx) => TenantRoom;
  readonly never: AbortSignal;
};

async function carryOut<I, A>(deps: Deps<I, A>, members: readonly Asked<I>[]): Promise<Settled[]> {
  try {
    return await attempt(deps, members);
  } catch (reason) {
    if (members.length === 1 || isAway(reason)) return members.map(() => ({ status: 'rejected', reason }));
    const settled: Settled[] = [];
    for (const member of members) settled.push(...(await carryOut(deps, [member])));
    return settled;
  }
}

/** No database, or none that answers in time: alone, each would only wait for it again. */
const isAway = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'unavailable' || error.code === 'overloaded');

async function attempt<I, A>(
  { roomOf, ahead, work, never }: Deps<I, A>,
  members: readonly Asked<I>[],
): Promise<Settled[]> {
  const { tenantId } = (members[0] as Asked<I>).ctx;
  // Whoever of them leaves must not take the others along: the transaction is nobody's in particular.
  const room = roomOf(systemCtx({ tenantId, id: 'http.together', requestId: uuidv7(), signal: never }));
  await room.ready();
  return room.inTx(async (tx) => {
    const of = <T>(pick: (member: Asked<I>) => T): T[] => members.map(pick);
    // Sent together: each one's snapshot is taken when the one before it is done, so answers are read under their locks.
    const [locked, kept, known] = await Promise.all([
      tryLocks(
        tx,
        of(({ keyed }) => keyed.lock),
      ),
      findAnswers(
        tx,
        tenantId,
        of(({ keyed }) => keyed.scope),
      ),
      ahead(
        tx,
        of(({ input }) => input),
      ),
    ]);
    const answers = new Map(kept.map(({ scope, ...answer }) => [scope.toString('hex'), answer]));
    const settled = await Promise.all(
      members.map((member, at) =>
        before(room, member, { locked: locked[at] === true, kept: answers.get(member.scope) }),
      ),
    );
    const fresh = members.filter((_, at) => settled[at] === undefined);
    const given = await first({ room, tx, work: (inputs) => work(tx, inputs, known) }, fresh);
    return settled.map((one) => one ?? (given.shift() as Settled));
  });
}

/** What becomes of a command without any work: it was done before, is under way elsewhere, or its client has left. */
async function before<I>(
  room: TenantRoom,
  { ctx, keyed }: Asked<I>,
  { locked, kept }: { locked: boolean; kept: Kept | undefined },
): Promise<Settled | undefined> {
  try {
    ctx.signal.throwIfAborted();
    if (!locked) throw inProgress();
    const value = await replay(room, keyed, kept);
    return value && { status: 'fulfilled', value };
  } catch (reason) {
    return { status: 'rejected', reason };
  }
}

type Working<I> = {
  readonly room: TenantRoom;
  readonly tx: Tx;
  work(inputs: readonly I[]): Promise<readonly PromiseSettledResult<Answer>[]>;
};

/** Does the work of those that are new, and keeps the answers of those that it was done for. */
async function first<I>({ room, tx, work }: Working<I>, members: readonly Asked<I>[]): Promise<Settled[]> {
  if (members.length === 0) return [];
  const results = await work(members.map(({ input }) => input));
  const keeping: Promise<{ scope: Buffer; fingerprint: Buffer; answer: string }>[] = [];
  const settled = results.map((result, at): Settled => {
    if (result.status === 'rejected') return result;
    const { scope, fingerprint } = (members[at] as Asked<I>).keyed;
    const sealed = room.seal(scope, JSON.stringify(result.value));
    keeping.push(sealed.then((answer) => ({ scope, fingerprint, answer })));
    return { status: 'fulfilled', value: { ...result.value, replayed: false } };
  });
  // In one breath with the commit: the rows that the work locked are free a round trip earlier.
  if (keeping.length > 0) tx.send(room.keepAll(await Promise.all(keeping)));
  return settled;
}
