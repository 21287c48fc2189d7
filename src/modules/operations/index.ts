import type { Cursors } from '../../platform/http/paging.ts';
import type { Module } from '../../platform/module.ts';
import { operationsRoutes } from './routes.ts';
import { type Operations, type OperationsDeps, operationsService } from './service.ts';

export type { Operations } from './service.ts';

/** The log for those who operate it: events, and what could not be handled. */
export function createOperations({ cursors, ...deps }: OperationsDeps & { cursors: Cursors }): Operations & Module {
  const operations = operationsService(deps);
  return {
    ...operations,
    name: 'operations',
    routes: (router) => operationsRoutes(router, { operations, cursors }),
  };
}
