import { Type } from 'typebox';
import { type Cursors, cursorPageOf, cursorQuery } from '../../platform/http/paging.ts';
import type { Router } from '../../platform/http/router.ts';
import { filters, Generation, GenerationParams } from './schemas.ts';
import type { Traces } from './service.ts';

const tag = 'generations';

export function tracesRoutes(router: Router, { traces, cursors }: { traces: Traces; cursors: Cursors }): void {
  router.route({
    method: 'GET',
    url: '/generations',
    operationId: 'listGenerations',
    summary: 'List model calls',
    description: 'The newest first. Every call is here, whatever came of it.',
    tag,
    access: 'generations:read',
    query: Type.Object({ ...cursorQuery.properties, ...filters }),
    response: cursorPageOf(Generation),
    errors: ['invalid_cursor'],
    handler: async ({ ctx, query: { cursor, limit, ...filter } }) => {
      const scope = { tenantId: ctx.tenantId, list: 'generations', filter };
      const before = cursor === undefined ? undefined : (cursors.decode(scope, cursor) as string);
      const rows = await traces.list(ctx, { ...filter, before, limit: limit + 1 });
      const items = rows.slice(0, limit);
      const last = items.at(-1);
      return { items, next_cursor: rows.length > limit && last ? cursors.encode(scope, last.id) : null };
    },
  });

  router.route({
    method: 'GET',
    url: '/generations/:generation_id',
    operationId: 'getGeneration',
    summary: 'Read a model call',
    tag,
    access: 'generations:read',
    params: GenerationParams,
    response: Generation,
    errors: ['not_found'],
    handler: ({ ctx, params }) => traces.get(ctx, params.generation_id),
  });
}
