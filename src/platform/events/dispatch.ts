import type { Backoff } from '../../lib/backoff.ts';
import { createSemaphore } from '../../lib/semaphore.ts';
import type { Db } from '../db/queries.ts';
import type { Keeping, Lease, Leases } from '../leases/leases.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracer } from '../telemetry/trace.ts';
import type { Consumer } from './consumer.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Feed } from './feed.ts';
import { Lane } from './lane.ts';
import { createLoop } from './loop.ts';
import type { EventTypes } from './registry.ts';
import { ALL_SHARDS } from './shards.ts';
import * as q from './sql.ts';

export interface Dispatch extends Service {
  readonly groups: readonly string[];
  /** Resolves when every group held here has seen the whole log, as far as the feed has come. */
  idle(): Promise<void>;
}

type Deps = {
  readonly db: Db;
  readonly leases: Leases;
  readonly feed: Feed;
  readonly types: EventTypes;
  readonly consumers: readonly Consumer[];
  readonly deadLetters: DeadLetters;
  readonly tracer: Tracer;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Between the tries of an event. Default 100 ms to 5 s. */
  readonly backoff?: Backoff;
};

/** Handlers that run at once in this process, of all groups: each takes one of the pool's connections. */
const HANDLERS = 6;
const POLL_MS = 250;
/** How often offsets are saved and requeued letters looked for, in polls. */
const SAVE_EVERY = 4;
const BACKOFF: Backoff = { baseMs: 100, capMs: 5000 };
/** How long events under way may go on after a stop. */
const DRAIN_MS = 3000;

/**
 * Brings the log to the consumers: each group and shard is a lane, held by one process under a lease. Offsets are
 * saved once a second, not after each event; the inbox knows what lies between.
 */
export function createDispatch(deps: Deps): Dispatch {
  const { db, leases, feed, consumers, metrics, backoff = BACKOFF } = deps;
  const log = deps.log.child('dispatch');
  const groups = consumers.map(({ group }) => group);
  if (new Set(groups).size < groups.length) throw new Error('Two consumers have the same group');
  const places = new Map<string, { readonly consumer: Consumer; readonly shard: number }>(
    consumers.flatMap((consumer) =>
      ALL_SHARDS.map((shard) => [`consumer/${consumer.group}/${shard}`, { consumer, shard }] as const),
    ),
  );
  const lanes = new Map<string, { lane: Lane; lease: Lease }>();
  const slot = createSemaphore(HANDLERS);
  const meters = meter(metrics, groups, () => [...lanes.values()].map(({ lane }) => lane));
  let keeping: Keeping | undefined;
  let unfollow = () => {};
  let polls = 0;
  let stopping = false;
  let requeued = false;

  function open(lease: Lease): void {
    const place = places.get(lease.name);
    if (place === undefined || stopping || lease.signal.aborted) return;
    const { group } = place.consumer;
    const lane = new Lane({
      ...deps,
      ...place,
      log,
      lease,
      slot,
      retry: {
        backoff,
        onRetry: (error, failures, delayMs) => {
          meters.retried(group);
          log.info('an event will be tried again', { group, attempt: failures, delay_ms: delayMs, error });
        },
      },
      onProgress: () => loop.nudge(),
      onDeadLetter: () => meters.parked(group),
    });
    lanes.set(lease.name, { lane, lease });
    loop.nudge();
  }

  async function save(): Promise<void> {
    const seen = [...lanes.values()].flatMap(({ lane }) => {
      const unsaved = lane.unsaved;
      return unsaved ? [{ lane, unsaved }] : [];
    });
    if (seen.length === 0) return;
    await db.system.run(q.saveOffsets(seen.map(({ unsaved }) => unsaved)));
    for (const { lane, unsaved } of seen) lane.saved(unsaved.position);
  }

  async function drainRequeued(): Promise<void> {
    requeued = false;
    for (const { group_name, shard, ...key } of await db.system.all(q.requeuedKeys(groups)))
      lanes.get(`consumer/${group_name}/${shard}`)?.lane.drain(key);
  }

  const loop = createLoop({
    pollMs: POLL_MS,
    async run() {
      if (requeued) await drainRequeued();
      for (const { lane } of lanes.values()) if (lane.hungry) await lane.pump();
    },
    async poll() {
      if (polls++ % SAVE_EVERY === 0 && lanes.size > 0) {
        await save();
        requeued = true;
        // A lane that ended although its lease is still ours (the database was away) begins anew.
        for (const { lane, lease } of [...lanes.values()]) if (lane.closed) open(lease);
      }
      return requeued || [...lanes.values()].some(({ lane }) => lane.hungry);
    },
    onError: (error) => log.warn('could not bring events to consumers', { error }),
  });

  deps.deadLetters.onRequeued(() => {
    requeued = true;
    loop.nudge();
  });

  function won(lease: Lease): void {
    lease.signal.addEventListener('abort', () => {
      if (lanes.get(lease.name)?.lease === lease) lanes.delete(lease.name);
    });
    open(lease);
  }

  async function drained(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    const calm = Promise.all([...lanes.values()].map(({ lane }) => lane.calm()));
    await Promise.race([calm, late]).finally(() => clearTimeout(timer));
  }

  return {
    name: 'dispatch',
    groups,
    async start() {
      if (stopping || keeping || groups.length === 0) return;
      await db.system.run(q.enterGroups(groups));
      unfollow = feed.follow(() => loop.nudge());
      loop.start();
      keeping = leases.keep([...places.keys()], won);
      await keeping.tried;
    },
    async stop(deadlineMs) {
      stopping = true;
      unfollow();
      await loop.stop();
      for (const { lane } of lanes.values()) lane.close();
      await drained(Math.min(DRAIN_MS, deadlineMs / 2));
      for (const { lane } of lanes.values()) lane.close(true);
      await drained(deadlineMs / 4);
      await save().catch((error: unknown) => log.warn('could not save offsets', { error }));
      await keeping?.release();
      keeping = undefined;
    },
    async idle() {
      for (;;) {
        await loop.idle();
        const busy = [...lanes.values()].filter(
          ({ lane }) => !lane.closed && (lane.lag > 0 || lane.hungry || lane.busy),
        );
        if (busy.length === 0 && !requeued) return;
        await Promise.all(busy.map(({ lane }) => lane.calm()));
        loop.nudge();
      }
    },
  };
}

function meter(metrics: Metrics | undefined, groups: readonly string[], lanes: () => readonly Lane[]) {
  metrics?.gauge({
    name: 'consumer_lag_events',
    help: 'Events of the log that a group held by this process has not seen.',
    labels: ['group'],
    collect: (gauge) => {
      for (const group of groups) gauge.labels(group).set(0);
      for (const { group, lag } of lanes()) gauge.labels(group).inc(lag);
    },
  });
  const retries = metrics?.counter({
    name: 'consumer_retries_total',
    help: 'Tries of events that failed and will be repeated.',
    labels: ['group'],
  });
  const letters = metrics?.counter({
    name: 'dead_letters_total',
    help: 'Events that could not be handled.',
    labels: ['group'],
  });
  return {
    retried: (group: string) => retries?.labels(group).inc(),
    parked: (group: string) => letters?.labels(group).inc(),
  };
}
