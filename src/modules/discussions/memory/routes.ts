import type { Router } from '../../../platform/http/router.ts';
import { DiscussionParams } from '../schemas.ts';
import type { MemoryReads } from './reads.ts';
import { DiscussionMemory, TurnContext, TurnParams } from './schemas.ts';

const tag = 'discussions';

export function memoryRoutes(router: Router, memory: MemoryReads): void {
  router.route({
    method: 'GET',
    url: '/discussions/:discussion_id/turns/:turn/context',
    operationId: 'getTurnContext',
    summary: 'Read what a speaker was given',
    description:
      'Exactly what was sent for this turn, also after the agent or its documents were changed. Of several attempts, ' +
      'the newest. 404 where a turn was given nothing: a person’s, unless the person claimed it. It quotes instructions ' +
      'and documents, and so takes `agents:read` and `documents:read` as well, except for a seat’s own turns.',
    tag,
    access: 'discussions:read',
    confinedBy: 'discussion_id',
    params: TurnParams,
    response: TurnContext,
    errors: ['not_found'],
    handler: ({ ctx, params }) => memory.context(ctx, params.discussion_id, params.turn),
  });

  router.route({
    method: 'GET',
    url: '/discussions/:discussion_id/memory',
    operationId: 'getDiscussionMemory',
    summary: 'Read what a discussion remembers',
    description: 'The newest summary, with what it cost, and what speakers are given beside it.',
    tag,
    access: 'discussions:read',
    params: DiscussionParams,
    response: DiscussionMemory,
    errors: ['not_found'],
    handler: ({ ctx, params }) => memory.memory(ctx, params.discussion_id),
  });
}
