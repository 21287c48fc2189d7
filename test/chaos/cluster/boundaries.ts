/** A named place between two steps of the work, by what is asked of PostgreSQL or Redis there. */
export type Boundary = {
  readonly name: string;
  readonly role: 'api' | 'worker';
  readonly where: 'postgres' | 'redis';
  readonly side: 'before' | 'after';
  readonly pattern: RegExp;
  /** It is the end of the transaction in which this was asked. */
  readonly atCommit?: true;
  /** Only where the answer has rows: something was done. */
  readonly rows?: true;
  /** Only where the answer says that it is the first time. */
  readonly fresh?: true;
  /** Only who follows a worker that died comes here: anywhere, or at this step. */
  readonly follows?: string;
};

export const ANYWHERE = 'anywhere';

const KEPT_ANSWER = /insert into idempotent_answers/;
const OUTBOX = /insert into outbox/;
const MOVE = /delete from outbox o/;
const RECEIVE = /insert into inbox/;
const OFFSETS = /update consumer_offsets o set position = seen\.position/;
const PLACE = /update consumer_offsets o set fence/;
const ACQUIRE = /insert into leases as l/;
const FENCE = /update log_shards set fence/;
const CLAIM = /update jobs set state = 'running'/;
const FINISH = /^delete from jobs where/;
const REAP = /update jobs set state = 'waiting', holder = null, crashes = crashes \+ 1/;

const CLAIMED = 'job: claimed, not begun';

const postgres = (role: Boundary['role'], name: string, more: Omit<Boundary, 'name' | 'role' | 'where'>): Boundary => ({
  ...{ name, role, where: 'postgres' },
  ...more,
});

/** From a client's request to what it causes: between every two steps a process may die. */
export const BOUNDARIES: readonly Boundary[] = [
  postgres('api', 'command: before its events are written', { side: 'before', pattern: OUTBOX }),
  postgres('api', 'command: its events are written', { side: 'after', pattern: OUTBOX }),
  postgres('api', 'command: before its commit', { side: 'before', pattern: KEPT_ANSWER, atCommit: true }),
  postgres('api', 'command: committed, not answered', { side: 'after', pattern: KEPT_ANSWER, atCommit: true }),
  postgres('api', 'announced: committed, nobody nudged', { side: 'after', pattern: OUTBOX, atCommit: true }),
  postgres('worker', 'sequencer: lease taken', { side: 'after', pattern: ACQUIRE, rows: true, follows: ANYWHERE }),
  postgres('worker', 'sequencer: fence raised', { side: 'after', pattern: FENCE, follows: ANYWHERE }),
  postgres('worker', 'sequencer: before the move', { side: 'before', pattern: MOVE }),
  postgres('worker', 'sequencer: moved, not passed on', { side: 'after', pattern: MOVE, rows: true }),
  { name: 'tail: before it is handed over', role: 'worker', where: 'redis', side: 'before', pattern: /^xadd$/ },
  { name: 'tail: handed over', role: 'worker', where: 'redis', side: 'after', pattern: /^xadd$/ },
  postgres('worker', 'consumer: place taken', { side: 'after', pattern: PLACE, follows: ANYWHERE }),
  postgres('worker', 'consumer: received, no effect yet', { side: 'after', pattern: RECEIVE }),
  postgres('worker', 'consumer: before its commit', { side: 'before', pattern: RECEIVE, atCommit: true }),
  postgres('worker', 'consumer: committed, offset not saved', { side: 'after', pattern: RECEIVE, atCommit: true }),
  postgres('worker', 'consumer: before offsets are saved', { side: 'before', pattern: OFFSETS }),
  postgres('worker', 'consumer: offsets saved', { side: 'after', pattern: OFFSETS }),
  postgres('worker', CLAIMED, { side: 'after', pattern: CLAIM, rows: true }),
  postgres('worker', 'job: done, before its commit', { side: 'before', pattern: FINISH, atCommit: true }),
  postgres('worker', 'job: committed', { side: 'after', pattern: FINISH, atCommit: true }),
  postgres('worker', 'job: taken from the dead', { side: 'after', pattern: REAP, rows: true, follows: CLAIMED }),
];

/** Between the writing of a command's events and their commit. */
export const LATE = postgres('api', 'command: events written, not committed', {
  ...{ side: 'before', pattern: OUTBOX, atCommit: true },
});

/** Where an event goes into its handler's hands: not where it is put aside, and not where the inbox has it already. */
export const POISON = postgres('worker', 'consumer: a poisoned event', {
  ...{ side: 'after', pattern: /as held,.* as fresh$/s, fresh: true },
});

export const boundaryOf = (name: string): Boundary | undefined =>
  [...BOUNDARIES, LATE, POISON].find((one) => one.name === name);
