import type { Cursors } from '../../platform/http/paging.ts';
import type { Module } from '../../platform/module.ts';
import { operationsRoutes } from './routes.ts';
import { type Operations, type OperationsDeps, operationsService } from './service.ts';
import { systemRoutes } from './system/routes.ts';
import { type SystemDeps, systemView } from './system/service.ts';

export type { Operations } from './service.ts';

type Deps = OperationsDeps & Pick<SystemDeps, 'clock' | 'facts'> & { readonly cursors: Cursors };

/** The log for those who operate it: events, what could not be handled, and how the server does. */
export function createOperations({ cursors, clock, facts, ...deps }: Deps): Operations & Module {
  const operations = operationsService(deps);
  const system = systemView({ db: deps.db, hub: deps.hub, clock, facts });
  return {
    ...operations,
    name: 'operations',
    routes: (router) => {
      operationsRoutes(router, { operations, cursors });
      systemRoutes(router, system);
    },
  };
}
