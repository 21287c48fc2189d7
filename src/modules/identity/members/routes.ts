import type { Config } from '../../../platform/config/config.ts';
import { pageOf, pageQuery } from '../../../platform/http/paging.ts';
import type { Router } from '../../../platform/http/router.ts';
import { answerOf, clientOf } from '../routes.ts';
import * as schemas from '../schemas.ts';
import { createRefreshCookie } from '../sessions/cookie.ts';
import type { Members } from './service.ts';

const common = { tag: 'identity', bodyLimit: 16_384 } as const;

export function memberRoutes(router: Router, members: Members, config: Config): void {
  userRoutes(router, members);
  invitationRoutes(router, members, config);
}

function userRoutes(router: Router, members: Members): void {
  router.route({
    ...common,
    method: 'GET',
    url: '/users',
    operationId: 'listUsers',
    summary: 'The members of this tenant',
    access: 'users:read',
    query: pageQuery,
    response: pageOf(schemas.Member),
    handler: ({ ctx, query }) => members.list(ctx, query),
  });
  router.route({
    ...common,
    method: 'PATCH',
    url: '/users/:user_id',
    operationId: 'changeUser',
    summary: "Change a member's roles",
    description: 'Nobody can give or take more rights than they have, and the last owner stays one.',
    access: 'users:write',
    errors: ['not_found', 'conflict'],
    params: schemas.MemberParams,
    body: schemas.ChangeMember,
    response: schemas.Member,
    handler: ({ ctx, params, body }) => members.change(ctx, params.user_id, body.roles),
  });
  router.route({
    ...common,
    method: 'DELETE',
    url: '/users/:user_id',
    operationId: 'removeUser',
    summary: 'Remove a member from this tenant',
    description: "The member's sessions here end, and so do the API keys that the member made.",
    access: 'users:write',
    errors: ['not_found', 'conflict'],
    params: schemas.MemberParams,
    status: 204,
    handler: ({ ctx, params }) => members.remove(ctx, params.user_id),
  });
}

function invitationRoutes(router: Router, members: Members, config: Config): void {
  const cookie = createRefreshCookie(config);
  router.command({
    ...common,
    url: '/invitations',
    operationId: 'createInvitation',
    summary: 'Invite somebody to this tenant',
    description: 'Hand the token over yourself; it is shown this once and works once. An API key cannot invite.',
    access: 'users:write',
    errors: ['limit_reached'],
    body: schemas.Invite,
    response: schemas.NewInvitation,
    handler: async (tx, { body }) => ({
      body: await members.invite(tx, body),
      headers: { 'cache-control': 'no-store' },
    }),
  });
  router.route({
    ...common,
    method: 'GET',
    url: '/invitations',
    operationId: 'listInvitations',
    summary: 'Invitations of this tenant, the newest first',
    access: 'users:read',
    query: pageQuery,
    response: pageOf(schemas.Invitation),
    handler: ({ ctx, query }) => members.listInvitations(ctx, query),
  });
  router.route({
    ...common,
    method: 'DELETE',
    url: '/invitations/:invitation_id',
    operationId: 'revokeInvitation',
    summary: 'Take back an invitation that nobody accepted',
    access: 'users:write',
    errors: ['not_found'],
    params: schemas.InvitationParams,
    status: 204,
    handler: ({ ctx, params }) => members.revokeInvitation(ctx, params.invitation_id),
  });
  router.publicCommand({
    ...common,
    url: '/auth/invitations/accept',
    operationId: 'acceptInvitation',
    summary: 'Join a tenant with an invitation',
    description: 'Who has an account with the invited email joins with its password; for anybody else one is made.',
    access: 'public',
    limit: 'sign_in',
    errors: ['not_found', 'already_exists', 'signup_closed', 'overloaded'],
    body: schemas.AcceptInvitation,
    response: schemas.Registered,
    prepare: ({ body, request }) => members.prepareAcceptance(body, clientOf(request)),
    handler: async (tx, { body, prepared }) => answerOf(await members.accept(tx, prepared), body.session, cookie),
  });
}
