import { ROLE_PERMISSIONS, ROLES } from '../../platform/auth/permissions.ts';
import { pageOf, pageQuery } from '../../platform/http/paging.ts';
import type { Router } from '../../platform/http/router.ts';
import type { ApiKeys } from './keys.ts';
import * as schemas from './schemas.ts';
import type { Tickets } from './tickets.ts';

const common = { tag: 'access', bodyLimit: 16_384 } as const;
const NO_STORE = { 'cache-control': 'no-store' };

export function accessRoutes(router: Router, { keys, tickets }: { keys: ApiKeys; tickets: Tickets }): void {
  router.route({
    ...common,
    method: 'GET',
    url: '/roles',
    operationId: 'listRoles',
    summary: 'The roles and what they may do',
    access: 'authenticated',
    response: schemas.Roles,
    handler: async () => ({ items: ROLES.map((role) => ({ role, permissions: [...ROLE_PERMISSIONS[role]] })) }),
  });

  router.command({
    ...common,
    url: '/api-keys',
    operationId: 'createApiKey',
    summary: 'Make an API key',
    description:
      'It acts for you, with at most your rights of the moment, and ends when you leave the tenant. An API key cannot make one.',
    access: 'api_keys:write',
    errors: ['limit_reached'],
    body: schemas.CreateApiKey,
    response: schemas.NewApiKey,
    handler: async (tx, { body }) => ({ body: await keys.create(tx, body), headers: NO_STORE }),
  });
  router.route({
    ...common,
    method: 'GET',
    url: '/api-keys',
    operationId: 'listApiKeys',
    summary: "The tenant's API keys, the newest first",
    access: 'api_keys:read',
    query: pageQuery,
    response: pageOf(schemas.ApiKey),
    handler: ({ ctx, query }) => keys.list(ctx, query),
  });
  router.route({
    ...common,
    method: 'DELETE',
    url: '/api-keys/:api_key_id',
    operationId: 'revokeApiKey',
    summary: 'Revoke an API key',
    description: 'It is refused, and its open streams end, within a second everywhere.',
    access: 'api_keys:write',
    errors: ['not_found'],
    params: schemas.ApiKeyParams,
    status: 204,
    handler: ({ ctx, params }) => keys.revoke(ctx, params.api_key_id),
  });

  router.command({
    ...common,
    url: '/tickets',
    operationId: 'createTicket',
    summary: 'A ticket for one event stream',
    description: "For the browser's EventSource, which cannot send headers: good once, for a minute, for one path.",
    access: 'authenticated',
    body: schemas.CreateTicket,
    response: schemas.Ticket,
    handler: async (tx, { body }) => ({ body: await tickets.create(tx, body.path), headers: NO_STORE }),
  });
}
