import type { Module } from '../../platform/module.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { DISCUSSION_EVENTS } from './events.ts';
import { memoryReads } from './memory/reads.ts';
import { memoryRoutes } from './memory/routes.ts';
import { memoryJobs } from './memory/upkeep.ts';
import { DISCUSSION_COUNTS, measureDiscussions } from './metrics.ts';
import { discussionsRoutes } from './routes.ts';
import { seatsRoutes } from './seats/routes.ts';
import { type SeatsDeps, seatsService } from './seats/service.ts';
import { type Discussions, type DiscussionsDeps, discussionsService } from './service.ts';
import { createElsewhere } from './turns/heard.ts';
import { turnJobs } from './turns/jobs.ts';
import { createKeep } from './turns/keep.ts';
import { createLive } from './turns/live.ts';
import type { TurnDeps } from './turns/step.ts';

export type { Discussions } from './service.ts';

/** Discussions of agents and people: an append-only log each, a pure rule of who speaks next, and fenced turns. */
export function createDiscussions(
  deps: Omit<DiscussionsDeps & TurnDeps & SeatsDeps, 'live' | 'elsewhere' | 'keep' | 'hub'> & {
    readonly hub: Pick<Hub, 'cursor' | 'publish' | 'expect' | 'across' | 'ask' | 'tap'>;
    readonly metrics: Metrics;
  },
): Discussions & Module {
  const log = deps.log.child('discussions');
  measureDiscussions(deps.metrics, deps.db);
  const live = createLive(deps.hub);
  const elsewhere = createElsewhere(deps.hub, live);
  const service = discussionsService({ ...deps, live, elsewhere });
  const turns = { ...deps, live, keep: createKeep({ db: deps.db, log }), log };
  return {
    ...service,
    name: 'discussions',
    events: DISCUSSION_EVENTS,
    counts: DISCUSSION_COUNTS,
    channels: [
      {
        topic: 'discussions',
        permission: 'discussions:read',
        confinedBy: 'discussion_id',
        allows: service.exists,
        joining: service.joining,
      },
    ],
    jobs: [...turnJobs(turns), ...memoryJobs(turns)],
    routes: (router) => {
      discussionsRoutes(router, service);
      seatsRoutes(router, seatsService(deps));
      memoryRoutes(router, memoryReads({ db: deps.db, live }));
    },
  };
}
