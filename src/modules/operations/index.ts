import type { DeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import type { Cursors } from '../../platform/http/paging.ts';
import type { Module } from '../../platform/module.ts';
import { EVERYTHING } from '../../platform/realtime/socket/channel.ts';
import { letterRoutes } from './letters/routes.ts';
import { type Letters, lettersService } from './letters/service.ts';
import { eventRoutes } from './routes.ts';
import { type Operations, type OperationsDeps, operationsService } from './service.ts';
import { streamRoutes } from './streams/routes.ts';
import { streamsView } from './streams/service.ts';
import { systemRoutes } from './system/routes.ts';
import { type SystemDeps, systemView } from './system/service.ts';

export type { Letters } from './letters/service.ts';
export type { Operations } from './service.ts';

type Deps = OperationsDeps &
  Omit<SystemDeps, 'hub' | 'db'> & {
    readonly cursors: Cursors;
    readonly deadLetters: DeadLetters;
    /** The groups of this release; offsets of others are of no interest. */
    readonly groups: () => readonly string[];
  };

/** The log for those who operate it: events, what could not be handled, how far who is, and how the server does. */
export function createOperations(deps: Deps): Operations & { readonly letters: Letters } & Module {
  const operations = operationsService(deps);
  const letters = lettersService(deps);
  const streams = streamsView(deps);
  const system = systemView(deps);
  return {
    ...operations,
    letters,
    name: 'operations',
    channels: [
      {
        topic: EVERYTHING,
        permission: 'events:read',
        allows: async () => true,
        types: (ctx) => operations.visibleTypes(ctx),
      },
    ],
    routes: (router) => {
      eventRoutes(router, { operations, cursors: deps.cursors });
      streamRoutes(router, streams);
      letterRoutes(router, { letters, cursors: deps.cursors });
      systemRoutes(router, system);
    },
  };
}
