import type { Db } from '../../platform/db/queries.ts';
import type { Cursors } from '../../platform/http/paging.ts';
import type { Module } from '../../platform/module.ts';
import { generationRecorded } from './events.ts';
import { tracesRoutes } from './routes.ts';
import { type Traces, tracesService } from './service.ts';

export type { Traces } from './service.ts';

/** What models did: every call with its outcome, tokens, cost and time. */
export function createTraces({ db, cursors }: { db: Db; cursors: Cursors }): Traces & Module {
  const service = tracesService(db);
  return {
    ...service,
    name: 'traces',
    events: [generationRecorded],
    routes: (router) => tracesRoutes(router, { traces: service, cursors }),
  };
}
