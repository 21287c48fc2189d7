import { Type } from 'typebox';
import { AppError } from '../../platform/http/errors.ts';
import { type Cursors, cursorPageOf, cursorQuery } from '../../platform/http/paging.ts';
import type { Router } from '../../platform/http/router.ts';
import * as s from './schemas.ts';
import type { Operations } from './service.ts';

const tag = 'operations';
/** Streams or types that one connection may name. */
const MAX_NAMED = 50;

type Deps = { readonly operations: Operations; readonly cursors: Cursors };

export function operationsRoutes(router: Router, deps: Deps): void {
  eventRoutes(router, deps);
  deadLetterRoutes(router, deps);
}

function eventRoutes(router: Router, { operations, cursors }: Deps): void {
  router.route({
    method: 'GET',
    url: '/events',
    operationId: 'listEvents',
    summary: 'List events',
    description:
      'The newest first, as far back as the log is kept. `cursor` is where to follow on from. Those of the topic `identity` are for who has `audit:read`.',
    tag,
    access: 'events:read',
    query: Type.Object({ ...cursorQuery.properties, ...s.eventFilters }),
    response: Type.Object({
      ...cursorPageOf(s.Event).properties,
      cursor: Type.String({ description: 'The log as it was read here: follow it from this cursor on.' }),
    }),
    errors: ['invalid_cursor'],
    handler: async ({ ctx, query: { cursor, limit, ...filter } }) => {
      const scope = { tenantId: ctx.tenantId, list: 'events', filter };
      const before = cursor === undefined ? undefined : (cursors.decode(scope, cursor) as number);
      const read = await operations.listEvents(ctx, { ...filter, before, limit: limit + 1 });
      const items = read.events.slice(0, limit);
      const last = items.at(-1);
      const more = read.events.length > limit && last !== undefined;
      return { items, next_cursor: more ? cursors.encode(scope, last.position) : null, cursor: read.cursor };
    },
  });

  router.follow({
    url: '/events/stream',
    operationId: 'followEvents',
    summary: 'Follow events',
    description:
      'Everything that happens in the tenant, or some streams or types of it. The topic `identity` is for who has `audit:read`.',
    tag,
    access: 'events:read',
    query: s.FollowQuery,
    handler: async ({ ctx, query: { streams, types } }) => {
      const visible = operations.visibleTypes(ctx);
      const named = types === undefined ? undefined : namesOf(types);
      const through = visible && named ? named.filter((type) => visible.includes(type)) : (named ?? visible);
      return {
        ...(streams !== undefined && { streams: namesOf(streams) }),
        ...(through !== undefined && { types: through }),
      };
    },
  });
}

function namesOf(text: string): string[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== '');
  if (names.length === 0 || names.length > MAX_NAMED)
    throw new AppError('validation_failed', { message: `Name between 1 and ${MAX_NAMED} of them.` });
  return names;
}

function deadLetterRoutes(router: Router, { operations, cursors }: Deps): void {
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
      const rows = await operations.deadLetters(ctx, { ...filter, before, limit: limit + 1 });
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
    tag,
    access: 'dead_letters:read',
    params: s.DeadLetterParams,
    response: s.DeadLetter,
    errors: ['not_found'],
    handler: async ({ ctx, params }) => s.letterOf(await operations.deadLetter(ctx, params.dead_letter_id)),
  });

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
    errors: ['not_found'],
    handler: async ({ ctx, params }) => ({ requeued: await operations.requeue(ctx, params.dead_letter_id) }),
  });

  router.route({
    method: 'POST',
    url: '/dead-letters/requeue',
    operationId: 'requeueDeadLetters',
    summary: 'Handle dead letters again',
    description: 'All, or those of one group. Of jobs a thousand at a time: repeat until the answer is 0.',
    tag,
    access: 'dead_letters:write',
    body: s.RequeueBody,
    response: s.Requeued,
    handler: async ({ ctx, body }) => ({ requeued: await operations.requeueAll(ctx, body) }),
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
    handler: ({ ctx, params }) => operations.discard(ctx, params.dead_letter_id),
  });
}
