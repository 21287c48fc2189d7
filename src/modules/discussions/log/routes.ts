import type { Router } from '../../../platform/http/router.ts';
import { etagOf } from '../../../platform/http/versions.ts';
import { Discussion, DiscussionParams } from '../schemas.ts';
import type { Discussions } from '../service.ts';
import { DiscussionExport, ExportQuery, ForkDiscussion } from './schemas.ts';

const tag = 'discussions';

export function logRoutes(router: Router, discussions: Discussions): void {
  router.command({
    url: '/discussions/:discussion_id/fork',
    operationId: 'forkDiscussion',
    summary: 'Fork a discussion',
    description:
      'A new discussion with the same participants, whose log begins with that of this one up to message `seq`. What is ' +
      'not given stays as it is here. Turns taken over count against `max_turns`; tokens, cost and time count anew. ' +
      'Documents that were deleted meanwhile are left out; seats need new keys.',
    tag,
    access: 'discussions:write',
    params: DiscussionParams,
    body: ForkDiscussion,
    response: Discussion,
    errors: ['not_found', 'conflict'],
    prepare: ({ ctx }) => discussions.prelude(ctx),
    handler: async (tx, { body, params, prepared }) => {
      const forked = await discussions.fork(tx, params.discussion_id, { input: body, ...prepared });
      return { body: forked, headers: { etag: etagOf(forked.version) } };
    },
  });

  router.route({
    method: 'GET',
    url: '/discussions/:discussion_id/export',
    operationId: 'exportDiscussion',
    summary: 'Export a discussion',
    description:
      'As a file to read (`markdown`) or to work with (`json`): everything of its log as it stands now. Sent piece by ' +
      'piece; a file that could not be finished ends with a broken connection.',
    tag,
    access: 'discussions:read',
    confinedBy: 'discussion_id',
    params: DiscussionParams,
    query: ExportQuery,
    response: DiscussionExport,
    downloads: ['text/markdown'],
    errors: ['not_found'],
    handler: ({ ctx, params, query }) => discussions.export(ctx, params.discussion_id, query.format),
  });
}
