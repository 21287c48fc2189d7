import { type Cursors, cursorPageOf } from '../../platform/http/paging.ts';
import type { Router } from '../../platform/http/router.ts';
import * as schemas from './schemas.ts';
import type { Audit } from './service.ts';

const common = { tag: 'audit', access: 'audit:read' } as const;

export function auditRoutes(router: Router, { audit, cursors }: { audit: Audit; cursors: Cursors }): void {
  router.route({
    ...common,
    method: 'GET',
    url: '/audit-log',
    operationId: 'listAuditLog',
    summary: 'What happened in this tenant, the newest first',
    errors: ['invalid_cursor'],
    query: schemas.AuditQuery,
    response: cursorPageOf(schemas.AuditRecord),
    async handler({ ctx, query }) {
      const { cursor, limit, type, actor_id: actorId, since, until } = query;
      const scope = { tenantId: ctx.tenantId, list: 'audit-log', filter: { type, actorId, since, until } };
      const beforeSeq = cursor === undefined ? Number.MAX_SAFE_INTEGER : (cursors.decode(scope, cursor) as number);
      const records = await audit.list(ctx, {
        type,
        actorId,
        since: since === undefined ? undefined : new Date(since),
        until: until === undefined ? undefined : new Date(until),
        beforeSeq,
        limit: limit + 1,
      });
      const items = records.slice(0, limit);
      const last = items.at(-1);
      return { items, next_cursor: records.length > limit && last ? cursors.encode(scope, last.seq) : null };
    },
  });
  router.route({
    ...common,
    method: 'GET',
    url: '/audit-log/verify',
    operationId: 'verifyAuditLog',
    summary: 'Walk the chain, and say where it breaks',
    description: 'Answers 200 for a broken chain, too: `valid` says whether it is one.',
    errors: ['overloaded'],
    query: schemas.VerifyQuery,
    response: schemas.Verification,
    handler: ({ ctx, query }) => audit.verify(ctx, query.checkpoint),
  });
}
