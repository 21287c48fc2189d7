import type { Db } from '../../platform/db/queries.ts';
import type { Module } from '../../platform/module.ts';
import type { Pool } from '../../platform/pool/pool.ts';
import { documentIndexed } from './events.ts';
import { knowledgeRoutes } from './routes.ts';
import { type Knowledge, knowledgeService } from './service.ts';

export { PASSAGE_CHARS } from './passages.ts';
export { Metadata, Text, Title } from './schemas.ts';
export type { Knowledge } from './service.ts';
export { anyWordOf } from './store.ts';

/** Documents: text kept for a tenant's discussions and agents, with full-text search. */
export function createKnowledge(deps: { readonly db: Db; readonly pool: Pool }): Knowledge & Module {
  const service = knowledgeService(deps);
  return {
    ...service,
    name: 'knowledge',
    events: [documentIndexed],
    routes: (router) => knowledgeRoutes(router, service),
  };
}
