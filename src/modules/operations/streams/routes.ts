import type { Ctx } from '../../../platform/context.ts';
import type { Router } from '../../../platform/http/router.ts';
import { Streams } from './schemas.ts';

export function streamRoutes(router: Router, read: (ctx: Ctx) => Promise<Streams>): void {
  router.route({
    method: 'GET',
    url: '/streams',
    operationId: 'getStreams',
    summary: 'Read how far the log and its readers are',
    description:
      'Each shard of the log with its head, what is kept and what waits in the outbox; each group of consumers with its offset, its lag and the process that holds it. Tenants share shards: these are numbers of the whole installation, and say nothing of any one tenant.',
    tag: 'operations',
    access: 'events:read',
    response: Streams,
    handler: ({ ctx }) => read(ctx),
  });
}
