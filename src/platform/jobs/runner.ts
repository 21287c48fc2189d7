import { type Backoff, fullJitterMs } from '../../lib/backoff.ts';
import type { Db } from '../db/queries.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import { createLoop, type Loop } from '../events/loop.ts';
import type { Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracer } from '../telemetry/trace.ts';
import { Attempt, type Outcome } from './attempt.ts';
import type { JobKind, Priority } from './define.ts';
import type { Notices } from './notices.ts';
import type { Queue } from './queue.ts';
import * as q from './sql.ts';

export interface JobRunner extends Service {
  /** Resolves when nothing that is due is waiting or running in this process. */
  idle(): Promise<void>;
}

type Deps = {
  readonly db: Db;
  readonly queue: Queue;
  readonly leases: Leases;
  readonly kinds: readonly JobKind[];
  readonly log: Logger;
  readonly metrics?: Metrics;
  readonly tracer?: Tracer;
  readonly deadLetters?: Pick<DeadLetters, 'count'>;
  /** Jobs that run at once in this process, of all kinds. Default 2,560. */
  readonly hands?: number;
  /** What other processes tell. Absent: the poll finds it. */
  readonly notices?: Pick<Notices, 'listen'>;
  /** Default 250. */
  readonly pollMs?: number;
  /** Between the tries of a job. Default 500 ms to 60 s. */
  readonly backoff?: Backoff;
};

const POLL_MS = 250;
/** How often others' deaths and one's own losses are looked for, in polls. */
const CHECK_EVERY = 2;
const CONCURRENCY = 8;
/** One claim takes no more than this, whatever the kind's concurrency. */
const MAX_CLAIM = 50;
/** How long running jobs may go on after a stop before they are aborted and given back. */
const DRAIN_MS = 5000;
const BACKOFF: Backoff = { baseMs: 500, capMs: 60_000 };
/** Turns mostly wait for a provider: many run at once, and what runs beside them is small. */
const HANDS = 2_560;
const ORDER: readonly Priority[] = ['interactive', 'normal', 'batch'];
/** The part of all hands that each may take: what somebody waits for always finds some that are free. */
const SHARE: Readonly<Record<Priority, number>> = { interactive: 1, normal: 0.9, batch: 0.75 };
const NOBODY = '00000000-0000-0000-0000-000000000000';

type Slot = {
  readonly kind: JobKind;
  readonly priority: Priority;
  running: number;
  hungry: boolean;
  afterTenant: string;
};

export const createJobRunner = (deps: Deps): JobRunner => new Runner(deps);

/**
 * Claims due jobs for the hands that are free and runs them. Woken by commits in this process; a poll finds what
 * others enqueued, what has become due and what the dead left.
 */
class Runner implements JobRunner {
  readonly name = 'jobs';
  readonly #d: Deps;
  readonly #log: Logger;
  readonly #loop: Loop;
  readonly #slots = new Map<string, Slot>();
  readonly #running = new Map<string, Attempt>();
  /** Ended here while the database was away: their rows still say that they run. */
  readonly #stuck = new Set<Attempt>();
  readonly #meter: ReturnType<typeof meter>;
  #polls = 0;
  #stopping = false;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#log = deps.log.child('jobs');
    const rank = ({ priority = 'normal' }: JobKind) => ORDER.indexOf(priority);
    for (const kind of [...deps.kinds].sort((a, b) => rank(a) - rank(b))) {
      if (this.#slots.has(kind.kind)) throw new Error(`Job kind ${kind.kind} is declared twice`);
      const { priority = 'normal' } = kind;
      this.#slots.set(kind.kind, { kind, priority, running: 0, hungry: true, afterTenant: NOBODY });
    }
    this.#meter = meter(deps.metrics, deps.db, this.#slots);
    this.#loop = createLoop({
      pollMs: deps.pollMs ?? POLL_MS,
      run: () => this.#round(),
      poll: () => this.#poll(),
      onError: (error) => this.#log.warn('could not look for jobs', { error }),
    });
    deps.queue.listen({
      enqueued: (kind) => {
        this.#wake([kind]);
        this.#loop.nudge();
      },
      cancelled: (jobId) => this.#running.get(jobId)?.abandon('cancelled'),
    });
    const looking = (work: Promise<void>) =>
      void work.catch((error: unknown) => this.#log.warn('could not look for jobs that were taken back', { error }));
    deps.notices?.listen({
      takenBack: (jobIds) => looking(this.#stopTaken(jobIds)),
      missed: () => looking(this.#stopTaken([...this.#running.keys()])),
    });
  }

  async start(): Promise<void> {
    if (this.#stopping || this.#slots.size === 0) return;
    // First what a predecessor died with: at once, when the owner of the database has declared it dead.
    await this.#check();
    this.#loop.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    await this.#loop.stop();
    if (await this.#drained(Math.min(DRAIN_MS, deadlineMs / 2))) return;
    for (const attempt of this.#running.values()) attempt.abandon('stopping');
    await this.#drained(deadlineMs / 2);
  }

  async idle(): Promise<void> {
    this.#wake([...this.#slots.keys()]);
    this.#loop.nudge();
    for (;;) {
      await this.#loop.idle();
      if (this.#running.size === 0) return;
      await Promise.all([...this.#running.values()].map(({ ended }) => ended));
    }
  }

  #wake(kinds: readonly string[]): void {
    for (const kind of kinds) {
      const slot = this.#slots.get(kind);
      if (slot) slot.hungry = true;
    }
  }

  async #round(): Promise<void> {
    // In order of priority: whoever comes first has the free hands first.
    for (const slot of this.#slots.values()) if (slot.hungry) await this.#claim(slot);
    if (this.#canClaim()) this.#loop.nudge();
  }

  /** How many of a kind may begin now. */
  #free({ kind, priority, running }: Slot): number {
    const all = Math.max(1, Math.floor((this.#d.hands ?? HANDS) * SHARE[priority]));
    return Math.min(MAX_CLAIM, (kind.concurrency ?? CONCURRENCY) - running, all - this.#running.size);
  }

  async #poll(): Promise<boolean> {
    if (this.#polls++ % CHECK_EVERY === 0) await this.#check();
    const due = await this.#d.db.system.all(q.dueKinds([...this.#slots.keys()]));
    this.#wake(due.map(({ kind }) => kind));
    return this.#canClaim();
  }

  #canClaim(): boolean {
    return !this.#stopping && [...this.#slots.values()].some((slot) => slot.hungry && this.#free(slot) > 0);
  }

  async #claim(slot: Slot): Promise<void> {
    const capacity = this.#free(slot);
    if (capacity <= 0 || this.#stopping) return;
    const { afterTenant } = slot;
    const request = { kind: slot.kind.kind, capacity, afterTenant, processId: this.#d.leases.processId };
    slot.hungry = false;
    const rows = await this.#d.db.system.all(q.claim(request)).catch((error: unknown) => {
      slot.hungry = true;
      throw error;
    });
    // As many tenants as hands: there may be more of them, whose turn is next. Fewer: all had theirs.
    const tenants = [...new Set(rows.map((row) => row.tenant_id))].sort();
    slot.afterTenant = tenants.length === capacity ? (tenants.at(-1) ?? NOBODY) : NOBODY;
    // Never set back here: a nudge may have come meanwhile.
    if (rows.length === capacity || afterTenant !== NOBODY) slot.hungry = true;
    for (const row of rows) this.#begin(slot, row);
  }

  #begin(slot: Slot, row: q.JobRow): void {
    const { db, leases, tracer, deadLetters, backoff = BACKOFF } = this.#d;
    const { kind } = slot.kind;
    const begunMs = performance.now();
    const delayMs = (failures: number) => fullJitterMs(failures, backoff);
    const attempt = new Attempt({
      ...{ db, row, delayMs },
      kind: slot.kind,
      processId: leases.processId,
      log: this.#log,
      tracer,
      onBuried: () => deadLetters?.count('job', kind),
    });
    slot.running++;
    this.#running.set(row.id, attempt);
    void attempt.run().then((outcome) => {
      slot.running--;
      this.#running.delete(row.id);
      if (outcome === 'stuck') this.#stuck.add(attempt);
      this.#meter.ended(kind, outcome, (performance.now() - begunMs) / 1000);
      // A hand that is free now may be another kind's, too.
      if (this.#canClaim()) this.#loop.nudge();
    });
  }

  /** What the dead hold is freed; what this process no longer holds is stopped. */
  async #check(): Promise<void> {
    const { db, leases } = this.#d;
    for (const { kind } of await db.system.all(q.reap(leases.processId))) {
      this.#log.warn('a process died with a job', { job_kind: kind });
      this.#meter.crashed(kind);
      this.#wake([kind]);
    }
    for (const attempt of this.#stuck) {
      await attempt.giveBack();
      this.#stuck.delete(attempt);
    }
    if (this.#running.size === 0) return;
    const before = [...this.#running];
    const held = new Map((await db.system.all(q.heldJobs(leases.processId))).map(({ id, fence }) => [id, fence]));
    for (const [id, attempt] of before) if (held.get(id) !== attempt.fence) attempt.abandon('lost');
  }

  /** Stops those of these that run here and were taken back. */
  async #stopTaken(jobIds: readonly string[]): Promise<void> {
    const mine = jobIds.flatMap((id) => this.#running.get(id) ?? []);
    if (mine.length === 0) return;
    const ids = mine.map(({ id }) => id);
    const rows = await this.#d.db.system.all(q.stillHeldOf(this.#d.leases.processId, ids));
    const held = new Map(rows.map(({ id, fence }) => [id, fence]));
    for (const attempt of mine) if (held.get(attempt.id) !== attempt.fence) attempt.abandon('cancelled');
  }

  async #drained(withinMs: number): Promise<boolean> {
    if (this.#running.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), withinMs);
    });
    const all = Promise.all([...this.#running.values()].map(({ ended }) => ended)).then(() => true);
    return Promise.race([all, late]).finally(() => clearTimeout(timer));
  }
}

/** From a claim to its end: 1 ms to ten minutes. */
const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 600];

function meter(metrics: Metrics | undefined, db: Db, slots: ReadonlyMap<string, Slot>) {
  metrics?.gauge({
    name: 'jobs',
    help: 'Unfinished jobs by kind and state, in the whole database.',
    labels: ['kind', 'state'],
    async collect(gauge) {
      // Asked for when the metrics are read; a database that is away must not take the other metrics with it.
      const rows = await db.system.all(q.countJobs).catch(() => []);
      gauge.reset();
      for (const kind of slots.keys()) gauge.labels(kind, 'waiting').set(0);
      for (const { kind, state, count } of rows) gauge.labels(kind, state).set(count);
    },
  });
  const ended = metrics?.counter({
    name: 'jobs_ended_total',
    help: 'Tries of jobs by how they ended: completed, retried (failed, and will be tried again), given_up, given_back (the process stopped), cancelled, lost (another process has it), stuck (the database was away).',
    labels: ['kind', 'outcome'],
  });
  const duration = metrics?.histogram({
    name: 'job_duration_seconds',
    help: 'From the claim of a job to its end, however it ended.',
    labels: ['kind'],
    buckets: SECONDS,
  });
  const crashed = metrics?.counter({
    name: 'jobs_crashed_total',
    help: 'Jobs with which another process died, as this one found them.',
    labels: ['kind'],
  });
  return {
    ended(kind: string, outcome: Outcome, seconds: number) {
      ended?.labels(kind, outcome).inc();
      duration?.labels(kind).observe(seconds);
    },
    crashed: (kind: string) => crashed?.labels(kind).inc(),
  };
}
