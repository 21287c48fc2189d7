import type { Db } from '../platform/db/queries.ts';
import type { DeadLetters } from '../platform/dead-letters/dead-letters.ts';
import type { Announcements } from '../platform/events/announcements.ts';
import { createDispatch } from '../platform/events/dispatch.ts';
import type { Feed } from '../platform/events/feed.ts';
import { retentionSchedule } from '../platform/events/partitions.ts';
import type { EventTypes } from '../platform/events/registry.ts';
import type { Sequencer } from '../platform/events/sequencer.ts';
import { createSettle } from '../platform/events/settle.ts';
import { createTopics } from '../platform/events/topics.ts';
import type { Notices } from '../platform/jobs/notices.ts';
import type { Queue } from '../platform/jobs/queue.ts';
import { createJobRunner } from '../platform/jobs/runner.ts';
import { createTicker } from '../platform/jobs/ticker.ts';
import type { Leases } from '../platform/leases/leases.ts';
import { atOnce, type Service } from '../platform/lifecycle.ts';
import type { Module } from '../platform/module.ts';
import type { Redis } from '../platform/redis/redis.ts';
import type { Signals } from '../platform/redis/signals.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import type { Tracer } from '../platform/telemetry/trace.ts';

type WorkerDeps = {
  readonly db: Db;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly leases: Leases;
  readonly queue: Queue;
  readonly notices: Notices;
  readonly modules: readonly Module[];
  readonly announcements: Announcements;
  readonly sequencer: Sequencer;
  readonly feed: Feed;
  readonly types: EventTypes;
  readonly tracer: Tracer;
  readonly deadLetters: DeadLetters;
  /** Topics are offered there to consumers outside. */
  readonly redis?: Redis | undefined;
  /** What other processes tell; absent where there are none. */
  readonly signals?: Signals | undefined;
  readonly logRetentionDays: number;
};

/** The role `worker`: moves events into the log, and runs consumers, jobs and schedules of every module. */
export function createWorkerRole({ announcements, sequencer, modules, logRetentionDays, ...deps }: WorkerDeps): {
  service: Service;
  /** Resolves when every event announced until now has had its effects, and nothing is due. */
  settle(): Promise<void>;
  /** What it runs, by name. */
  readonly runs: {
    readonly groups: readonly string[];
    readonly kinds: readonly string[];
    readonly schedules: readonly string[];
    /** How many shards of these groups this process has at the moment. */
    lanes(): number;
  };
} {
  const { signals, queue, leases } = deps;
  signals?.listen('events', (shards) => sequencer.look(shards.map(Number)));
  signals?.listen('jobs', (kinds) => queue.wake(kinds));
  signals?.listen('leases', () => leases.look());
  let unlisten = () => {};
  const nudges: Service = {
    name: 'nudges',
    start: async () => {
      unlisten = announcements.listen((events) => sequencer.nudge(events));
    },
    stop: async () => unlisten(),
  };
  const share: Service = { name: 'share', start: async () => {}, stop: () => leases.retire() };
  const kinds = modules.flatMap((module) => module.jobs ?? []);
  const jobs = createJobRunner({ ...deps, kinds });
  const dispatch = createDispatch({ ...deps, consumers: modules.flatMap((module) => module.consumers ?? []) });
  const topics = deps.redis && createTopics({ ...deps, redis: deps.redis });
  const retention = retentionSchedule({ ...deps, retentionDays: logRetentionDays, groups: () => dispatch.groups });
  const schedules = [retention, ...modules.flatMap((module) => module.schedules ?? [])];
  const ticker = createTicker({ ...deps, schedules });
  return {
    // At once: what others can go on with is theirs before the jobs that run here have ended.
    service: atOnce('worker', [share, sequencer, nudges, ...(topics ? [topics] : []), dispatch, jobs, ticker]),
    settle: createSettle({ ...deps, sequencer, dispatch, jobs }),
    runs: {
      groups: dispatch.groups,
      kinds: kinds.map(({ kind }) => kind),
      schedules: schedules.map(({ name }) => name),
      lanes: () => dispatch.lanes(),
    },
  };
}
