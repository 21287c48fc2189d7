import type { Db } from '../platform/db/queries.ts';
import type { Announcements } from '../platform/events/announcements.ts';
import type { Sequencer } from '../platform/events/sequencer.ts';
import { inOrder, type Service } from '../platform/lifecycle.ts';
import type { Module } from '../platform/module.ts';

type WorkerDeps = {
  readonly db: Db;
  readonly modules: readonly Module[];
  readonly announcements: Announcements;
  readonly sequencer: Sequencer;
};

/** The role `worker`: moves events into the log, and runs consumers, jobs and schedules of every module. */
export function createWorkerRole({ announcements, sequencer }: WorkerDeps): {
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
  return { service: inOrder('worker', [sequencer, nudges]), settle: () => sequencer.idle() };
}
