import { Type } from 'typebox';
import { AppError } from '../../../platform/http/errors.ts';
import { type Cursors, cursorPageOf, cursorQuery } from '../../../platform/http/paging.ts';
import type { Router } from '../../../platform/http/router.ts';
import * as s from './schemas.ts';
import type { Letters } from './service.ts';

const tag = 'operations';

type Deps = { readonly letters: Letters; readonly cursors: Cursors };

export function letterRoutes(router: Router, deps: Deps): void {
  readRoutes(router, deps);
  oneRoutes(router, deps);
  manyRoutes(router, deps);
}

function readRoutes(router: Router, { letters, cursors }: Deps): void {
  router.route({
    method: 'GET',
    url: '/dead-letters',
    operationId: 'listDeadLetters',
    summary: 'List dead letters',
    description: 'Events and jobs that could not be handled, and what waits behind them. The newest first.',
    tag,
    access: 'dead_letters:read',
    query: Type.Object({ ...cursorQuery.properties, ...s.deadLetterFilters }),
    response: cursorPageOf(s.DeadLetterSummary),
    errors: ['invalid_cursor'],
    handler: async ({ ctx, query: { cursor, limit, ...filter } }) => {
      const scope = { tenantId: ctx.tenantId, list: 'dead_letters', filter };
      const before = cursor === undefined ? undefined : (cursors.decode(scope, cursor) as string);
      const rows = await letters.list(ctx, { ...s.filterOf(filter), before, limit: limit + 1 });
      const items = rows.slice(0, limit);
      const last = items.at(-1);
      const more = rows.length > limit && last !== undefined;
      return { items: items.map(s.summaryOf), next_cursor: more ? cursors.encode(scope, last.id) : null };
    },
  });

  router.route({
    method: 'GET',
    url: '/dead-letters/:dead_letter_id',
    operationId: 'getDeadLetter',
    summary: 'Read a dead letter',
    description: 'Its payload, why it could not be handled, how often that was tried, and its trace.',
    tag,
    access: 'dead_letters:read',
    params: s.DeadLetterParams,
    response: s.DeadLetter,
    errors: ['not_found'],
    handler: async ({ ctx, params }) => s.letterOf(await letters.get(ctx, params.dead_letter_id)),
  });
}

function oneRoutes(router: Router, { letters }: Deps): void {
  router.route({
    method: 'POST',
    url: '/dead-letters/:dead_letter_id/requeue',
    operationId: 'requeueDeadLetter',
    summary: 'Handle a dead letter again',
    description: 'With all that wait in the same stream, in their order.',
    tag,
    access: 'dead_letters:write',
    params: s.DeadLetterParams,
    response: s.Requeued,
    errors: ['not_found', 'conflict'],
    handler: ({ ctx, params }) => letters.requeue(ctx, params.dead_letter_id),
  });

  router.route({
    method: 'DELETE',
    url: '/dead-letters/:dead_letter_id',
    operationId: 'discardDeadLetter',
    summary: 'Discard a dead letter',
    description: 'For good. What was parked behind a failed one goes on.',
    tag,
    access: 'dead_letters:write',
    params: s.DeadLetterParams,
    status: 204,
    errors: ['not_found'],
    handler: ({ ctx, params }) => letters.discard(ctx, params.dead_letter_id),
  });
}

function manyRoutes(router: Router, { letters }: Deps): void {
  router.route({
    method: 'POST',
    url: '/dead-letters/requeue',
    operationId: 'requeueDeadLetters',
    summary: 'Handle dead letters again',
    description:
      'Some by their ids, those that match, or all, each with its whole stream and in order. Of jobs a thousand at a time: repeat until the answer is 0.',
    tag,
    access: 'dead_letters:write',
    body: s.RequeueBody,
    response: s.Requeued,
    handler: ({ ctx, body }) => letters.requeueAll(ctx, s.filterOf(body)),
  });

  router.route({
    method: 'POST',
    url: '/dead-letters/discard',
    operationId: 'discardDeadLetters',
    summary: 'Discard dead letters',
    description:
      'For good: some by their ids, those that match, or with `all` every one; a thousand at a time. What was parked behind failed ones goes on.',
    tag,
    access: 'dead_letters:write',
    body: s.DiscardBody,
    response: s.Discarded,
    handler: async ({ ctx, body: { all, ...filter } }) => {
      if (!all && Object.keys(filter).length === 0)
        throw new AppError('validation_failed', { message: 'Name ids or a filter, or set `all` to true.' });
      return { discarded: await letters.discardAll(ctx, s.filterOf(filter)) };
    },
  });
}
