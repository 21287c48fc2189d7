import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../platform/config/config.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Router } from '../../platform/http/router.ts';
import { tokens } from './accounts/service.ts';
import type { IdentityParts } from './index.ts';
import * as schemas from './schemas.ts';
import { createRefreshCookie } from './sessions/cookie.ts';
import type { Client, Grant } from './sessions/service.ts';

/** Bodies of sign-in are small; argon2id is not fed megabytes. */
const BODY_LIMIT = 16_384;
const common = { tag: 'identity', bodyLimit: BODY_LIMIT } as const;

export const clientOf = (request: FastifyRequest): Client => ({
  ip: request.ip,
  userAgent: request.headers['user-agent'],
});

const noStore = (reply: FastifyReply) => void reply.header('cache-control', 'no-store').header('pragma', 'no-cache');

export type RefreshCookie = ReturnType<typeof createRefreshCookie>;

/** Hands out a grant's refresh token in the cookie, and takes it from the body: a script never sees it. */
export function answerOf<B extends { refresh_token: string }>(
  body: B,
  mode: string | undefined,
  cookie: RefreshCookie,
) {
  const headers = { 'cache-control': 'no-store', pragma: 'no-cache' };
  if (mode !== 'cookie') return { body, headers };
  const { refresh_token, ...rest } = body;
  return { body: rest, headers: { ...headers, 'set-cookie': cookie.keep(refresh_token) } };
}

export function identityRoutes(router: Router, parts: IdentityParts, config: Config): void {
  const cookie = createRefreshCookie(config);
  signUpRoutes(router, parts, cookie);
  tokenRoutes(router, parts, cookie);
  selfRoutes(router, parts);
}

function signUpRoutes(router: Router, { accounts, keys }: IdentityParts, cookie: RefreshCookie): void {
  router.publicCommand({
    ...common,
    url: '/auth/register',
    operationId: 'register',
    summary: 'Sign up: a new tenant and its owner',
    description:
      'Answers alike whether the email is known or not. Who signs up with the email and the password of an account ' +
      'that exists gets the new tenant for that account.',
    access: 'public',
    limit: 'sign_in',
    errors: ['signup_closed', 'overloaded'],
    body: schemas.Register,
    response: schemas.Registered,
    prepare: ({ body, request }) =>
      accounts.prepareSignUp({ ...body, tenantName: body.tenant_name }, clientOf(request)),
    handler: async (tx, { prepared, body }) =>
      answerOf(await accounts.signUp(tx, prepared, body.tenant_name), body.session, cookie),
  });

  router.publicRoute({
    url: '/.well-known/jwks.json',
    at: 'root',
    method: 'GET',
    operationId: 'getJwks',
    summary: 'The public keys that access tokens are signed with',
    tag: 'identity',
    access: 'public',
    response: schemas.Jwks,
    handler: async ({ reply }) => {
      reply.header('cache-control', 'public, max-age=300');
      return keys.jwks();
    },
  });
}

function tokenRoutes(
  router: Router,
  { accounts, sessions, endByAccessToken }: IdentityParts,
  cookie: RefreshCookie,
): void {
  /** Sends the grant on the same way on which the refresh token came, or was asked for. */
  const answer = (reply: FastifyReply, grant: Grant, mode: string | undefined) => {
    const { body, headers } = answerOf(tokens(grant), mode, cookie);
    reply.headers(headers);
    return body;
  };

  router.publicRoute({
    ...common,
    method: 'POST',
    url: '/auth/token',
    operationId: 'token',
    summary: 'Sign in with a password, or refresh',
    description: 'OAuth 2 (RFC 6749): form-encoded or JSON; unknown parameters are ignored.',
    access: 'public',
    limit: 'sign_in',
    wire: 'oauth',
    errors: ['invalid_grant', 'unsupported_grant_type', 'permission_denied', 'overloaded'],
    body: schemas.TokenRequest,
    response: schemas.Tokens,
    handler: async ({ body, request, reply }) => {
      noStore(reply);
      const client = clientOf(request);
      if (body.grant_type === 'password') {
        const { username, password, tenant_id: tenantId, session } = body;
        if (username === undefined || password === undefined)
          throw new AppError('bad_request', { message: 'username and password are required.' });
        return answer(reply, await accounts.signIn({ email: username, password, tenantId }, client), session);
      }
      if (body.grant_type !== 'refresh_token') throw new AppError('unsupported_grant_type');
      const kept = body.refresh_token === undefined ? cookie.read(request) : undefined;
      const token = body.refresh_token ?? kept;
      if (token === undefined) throw new AppError('bad_request', { message: 'refresh_token is required.' });
      return answer(reply, await sessions.refresh(token, client), kept === undefined ? body.session : 'cookie');
    },
  });

  router.publicRoute({
    ...common,
    method: 'POST',
    url: '/auth/revoke',
    operationId: 'revokeToken',
    summary: 'Sign out: end the session of a token',
    description: 'RFC 7009: answers 200 for a token that is not good, too. Access token and open streams end with it.',
    access: 'public',
    limit: 'sign_in',
    wire: 'oauth',
    errors: ['permission_denied'],
    body: schemas.RevokeRequest,
    response: schemas.Revoked,
    handler: async ({ body, request, reply }) => {
      noStore(reply);
      const kept = body.token === undefined ? cookie.read(request) : undefined;
      const token = body.token ?? kept;
      if (kept !== undefined) reply.header('set-cookie', cookie.drop());
      if (token === undefined) return {};
      await sessions.signOut(token);
      await endByAccessToken(token);
      return {};
    },
  });
}

function selfRoutes(router: Router, { accounts, sessions, me }: IdentityParts): void {
  router.route({
    ...common,
    method: 'GET',
    url: '/auth/me',
    operationId: 'getMe',
    summary: 'Who I am, and what I may do',
    access: 'authenticated',
    response: schemas.Me,
    handler: ({ ctx }) => me(ctx),
  });
  router.route({
    ...common,
    method: 'GET',
    url: '/auth/sessions',
    operationId: 'listSessions',
    summary: 'My live sessions in this tenant',
    access: 'authenticated',
    response: schemas.SessionList,
    handler: async ({ ctx }) => ({ items: await sessions.list(ctx) }),
  });
  router.route({
    ...common,
    method: 'DELETE',
    url: '/auth/sessions/:session_id',
    operationId: 'revokeSession',
    summary: 'End one of my sessions',
    description: 'Its tokens are refused, and its open streams end, within a second everywhere.',
    access: 'authenticated',
    errors: ['not_found'],
    params: schemas.SessionParams,
    status: 204,
    handler: ({ ctx, params }) => sessions.revoke(ctx, params.session_id),
  });
  router.route({
    ...common,
    method: 'POST',
    url: '/auth/password',
    operationId: 'changePassword',
    summary: 'Change my password; my other sessions end',
    access: 'authenticated',
    limit: 'sign_in',
    errors: ['conflict', 'overloaded'],
    body: schemas.ChangePassword,
    status: 204,
    handler: ({ ctx, body, request }) =>
      accounts.changePassword(ctx, { current: body.current_password, next: body.new_password }, clientOf(request)),
  });
}
