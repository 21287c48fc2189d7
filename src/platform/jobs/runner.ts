import { type Backoff, fullJitterMs } from '../../lib/backoff.ts';
import type { Db } from '../db/queries.ts';
import { createLoop } from '../events/loop.ts';
import type { Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { Attempt, type Outcome } from './attempt.ts';
import type { JobKind } from './define.ts';
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
  /** Between the tries of a job. Default 500 ms to 60 s. */
  readonly backoff?: Backoff;
};

const POLL_MS = 250;
/** How often others' deaths and one's own losses are looked for, in polls. */
const CHECK_EVERY = 4;
const CONCURRENCY = 8;
/** One claim takes no more than this, whatever the kind's concurrency. */
const MAX_CLAIM = 50;
/** How long running jobs may go on after a stop before they are aborted and given back. */
const DRAIN_MS = 5000;
const BACKOFF: Backoff = { baseMs: 500, capMs: 60_000 };
const NOBODY = '00000000-0000-0000-0000-000000000000';

type Slot = { readonly kind: JobKind; running: number; hungry: boolean; afterTenant: string };

/**
 * Claims due jobs for the hands that are free and runs them. Woken by commits in this process; a poll finds what
 * others enqueued, what has become due and what the dead left.
 */
export function createJobRunner({
  db,
  queue,
  leases,
  kinds,
  log: parent,
  metrics,
  backoff = BACKOFF,
}: Deps): JobRunner {
  const log = parent.child('jobs');
  const slots = new Map<string, Slot>();
  for (const kind of kinds) {
    if (slots.has(kind.kind)) throw new Error(`Job kind ${kind.kind} is declared twice`);
    slots.set(kind.kind, { kind, running: 0, hungry: true, afterTenant: NOBODY });
  }
  const running = new Map<string, Attempt>();
  /** Ended here while the database was away: their rows still say that they run. */
  const stuck = new Set<Attempt>();
  const ended = meter(metrics, db, slots);
  let polls = 0;
  let stopping = false;

  const freeHands = ({ kind, running }: Slot) => Math.min(MAX_CLAIM, (kind.concurrency ?? CONCURRENCY) - running);

  async function claim(slot: Slot): Promise<void> {
    const capacity = freeHands(slot);
    if (capacity <= 0 || stopping) return;
    slot.hungry = false;
    const { afterTenant } = slot;
    const request = { kind: slot.kind.kind, capacity, afterTenant, processId: leases.processId };
    const rows = await db.system.all(q.claim(request)).catch((error: unknown) => {
      slot.hungry = true;
      throw error;
    });
    // As many tenants as hands: there may be more of them, whose turn is next. Fewer: all had theirs.
    const tenants = new Set(rows.map((row) => row.tenant_id));
    slot.afterTenant = tenants.size === capacity ? ([...tenants].sort().at(-1) as string) : NOBODY;
    // Never set back here: a nudge may have come meanwhile.
    if (rows.length === capacity || afterTenant !== NOBODY) slot.hungry = true;
    for (const row of rows) begin(slot, row);
  }

  function begin(slot: Slot, row: q.JobRow): void {
    const attempt = new Attempt({ db, kind: slot.kind, row, processId: leases.processId, log, delayMs });
    slot.running++;
    running.set(row.id, attempt);
    void attempt.run().then((outcome) => {
      slot.running--;
      running.delete(row.id);
      if (outcome === 'stuck') stuck.add(attempt);
      ended(slot.kind.kind, outcome);
      if (slot.hungry) loop.nudge();
    });
  }

  const delayMs = (failures: number) => fullJitterMs(failures, backoff);

  /** What the dead hold is freed; what this process no longer holds is stopped. */
  async function check(): Promise<void> {
    for (const { kind } of await db.system.all(q.reap(leases.processId))) {
      log.warn('a process died with a job', { job_kind: kind });
      const slot = slots.get(kind);
      if (slot) slot.hungry = true;
    }
    for (const attempt of stuck) {
      await attempt.giveBack();
      stuck.delete(attempt);
    }
    if (running.size === 0) return;
    const before = [...running];
    const held = new Map((await db.system.all(q.heldJobs(leases.processId))).map(({ id, fence }) => [id, fence]));
    for (const [id, attempt] of before) if (held.get(id) !== attempt.fence) attempt.abandon('lost');
  }

  const loop = createLoop({
    pollMs: POLL_MS,
    async run() {
      for (const slot of slots.values()) if (slot.hungry) await claim(slot);
      if ([...slots.values()].some((slot) => slot.hungry && freeHands(slot) > 0) && !stopping) loop.nudge();
    },
    async poll() {
      if (polls++ % CHECK_EVERY === 0) await check();
      for (const { kind } of await db.system.all(q.dueKinds([...slots.keys()]))) {
        const slot = slots.get(kind);
        if (slot) slot.hungry = true;
      }
      return [...slots.values()].some((slot) => slot.hungry && freeHands(slot) > 0);
    },
    onError: (error) => log.warn('could not look for jobs', { error }),
  });

  queue.listen({
    enqueued(kind) {
      const slot = slots.get(kind);
      if (slot) slot.hungry = true;
      loop.nudge();
    },
    cancelled: (jobId) => running.get(jobId)?.abandon('cancelled'),
  });

  async function drained(withinMs: number): Promise<boolean> {
    if (running.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), withinMs);
    });
    const all = Promise.all([...running.values()].map(({ ended }) => ended)).then(() => true);
    return Promise.race([all, late]).finally(() => clearTimeout(timer));
  }

  return {
    name: 'jobs',
    async start() {
      if (stopping || slots.size === 0) return;
      // First what a predecessor died with: at once, when the owner of the database has declared it dead.
      await check();
      loop.start();
    },
    async stop(deadlineMs) {
      stopping = true;
      await loop.stop();
      if (await drained(Math.min(DRAIN_MS, deadlineMs / 2))) return;
      for (const attempt of running.values()) attempt.abandon('stopping');
      await drained(deadlineMs / 2);
    },
    async idle() {
      for (const slot of slots.values()) slot.hungry = true;
      loop.nudge();
      for (;;) {
        await loop.idle();
        if (running.size === 0) return;
        await Promise.all([...running.values()].map(({ ended }) => ended));
      }
    },
  };
}

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
  const counter = metrics?.counter({
    name: 'jobs_ended_total',
    help: 'Tries of jobs by how they ended.',
    labels: ['kind', 'outcome'],
  });
  return (kind: string, outcome: Outcome) => counter?.labels(kind, outcome).inc();
}
