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

export function eventRoutes(router: Router, deps: Deps): void {
  readRoutes(router, deps);
  followRoute(router, deps);
}

function readRoutes(router: Router, { operations, cursors }: Deps): void {
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
      const { type, from, to, from_position: fromPosition, to_position: toPosition, ...same } = filter;
      const read = await operations.listEvents(ctx, {
        ...{ ...same, fromPosition, toPosition, before, limit },
        types: type === undefined ? undefined : namesOf(type),
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      });
      const next = read.next === undefined ? null : cursors.encode(scope, read.next);
      return { items: read.events, next_cursor: next, cursor: read.cursor };
    },
  });

  router.route({
    method: 'GET',
    url: '/events/:event_id',
    operationId: 'getEvent',
    summary: 'Read an event',
    description: 'With its data and its trace, as long as the log is kept.',
    tag,
    access: 'events:read',
    params: s.EventParams,
    response: s.EventDetails,
    errors: ['not_found'],
    handler: async ({ ctx, params }) => {
      const event = await operations.event(ctx, params.event_id);
      const trace_id = event.traceparent?.split('-')[1] ?? null;
      return { ...event, trace_id, cursor: `${event.epoch}.${event.position}` };
    },
  });
}

function followRoute(router: Router, { operations }: Deps): void {
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
