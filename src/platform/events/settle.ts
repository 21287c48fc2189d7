import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../db/queries.ts';
import type { JobRunner } from '../jobs/runner.ts';
import { busyJobs } from '../jobs/sql.ts';
import type { Dispatch } from './dispatch.ts';
import type { Feed } from './feed.ts';
import type { Sequencer } from './sequencer.ts';
import { ALL_SHARDS } from './shards.ts';
import { waitingShards } from './sql.ts';

type Deps = {
  readonly db: Db;
  readonly sequencer: Sequencer;
  readonly feed: Feed;
  readonly dispatch: Dispatch;
  readonly jobs: JobRunner;
};

/** What is due and does not run here is run by another process. */
const ELSEWHERE_MS = 5;

/**
 * For tests: resolves when nothing is on its way any more, in the database either. Events make jobs and jobs make events,
 * so it goes round until a whole round has found nothing. What waits for a later time is not waited for.
 */
export function createSettle({ db, sequencer, feed, dispatch, jobs }: Deps): () => Promise<void> {
  return async () => {
    for (;;) {
      await jobs.idle();
      await sequencer.idle();
      await feed.caughtUp();
      await dispatch.idle();
      const [waiting, busy] = await Promise.all([db.system.all(waitingShards(ALL_SHARDS)), db.system.first(busyJobs)]);
      if (waiting.length === 0 && busy?.count === 0) return;
      if (waiting.length > 0) sequencer.look(waiting.map(({ shard }) => shard));
      else await delay(ELSEWHERE_MS);
    }
  };
}
