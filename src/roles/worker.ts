import type { Db } from '../platform/db/queries.ts';
import type { Announcements } from '../platform/events/announcements.ts';
import type { Sequencer } from '../platform/events/sequencer.ts';
import type { Queue } from '../platform/jobs/queue.ts';
import { createJobRunner } from '../platform/jobs/runner.ts';
import { createTicker } from '../platform/jobs/ticker.ts';
import type { Leases } from '../platform/leases/leases.ts';
import { inOrder, type Service } from '../platform/lifecycle.ts';
import type { Module } from '../platform/module.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';

type WorkerDeps = {
  readonly db: Db;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly leases: Leases;
  readonly queue: Queue;
  readonly modules: readonly Module[];
  readonly announcements: Announcements;
  readonly sequencer: Sequencer;
};

/** The role `worker`: moves events into the log, and runs consumers, jobs and schedules of every module. */
export function createWorkerRole({ announcements, sequencer, modules, ...deps }: WorkerDeps): {
  service: Service;
  /** Resolves when everything that is due now has been done. */
  settle(): Promise<void>;
} {
  let unlisten = () => {};
  const nudges: Service = {
    name: 'nudges',
    start: async () => {
      unlisten = announcements.listen((events) => sequencer.nudge(events));
    },
    stop: async () => unlisten(),
  };
  const jobs = createJobRunner({ ...deps, kinds: modules.flatMap((module) => module.jobs ?? []) });
  const schedules = createTicker({ ...deps, schedules: modules.flatMap((module) => module.schedules ?? []) });
  return {
    service: inOrder('worker', [sequencer, nudges, jobs, schedules]),
    async settle() {
      await jobs.idle();
      await sequencer.idle();
    },
  };
}
