import type { Ctx } from '../../../platform/context.ts';
import type { Router } from '../../../platform/http/router.ts';
import { System } from './schemas.ts';

export function systemRoutes(router: Router, read: (ctx: Ctx) => Promise<System>): void {
  router.route({
    method: 'GET',
    url: '/system',
    operationId: 'getSystem',
    summary: 'Read how the server does',
    description:
      'Its build, its database, the event log, and of your own tenant the jobs that are not finished and the open event streams. Nothing of other tenants.',
    tag: 'operations',
    access: 'events:read',
    response: System,
    handler: ({ ctx }) => read(ctx),
  });
}
