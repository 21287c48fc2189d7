import { Type } from 'typebox';
import { pageOf, pageQuery } from '../../platform/http/paging.ts';
import { type Router, SseBody } from '../../platform/http/router.ts';
import { etagOf, ifMatch } from '../../platform/http/versions.ts';
import type { Generation } from '../models/index.ts';
import { invocationOf } from './rules.ts';
import { Agent, AgentParams, AgentStatus, ChangeAgent, CreateAgent, Invocation, Invoke } from './schemas.ts';
import type { Agents } from './service.ts';

const tag = 'agents';
/** Sixteen texts of 1 MiB are refused by their own limits; what fits is one long text with everything escaped. */
const BODY_LIMIT = 8 * 1024 * 1024;
const MODEL_ERRORS = [
  'not_found',
  'conflict',
  'model_authentication',
  'model_rate_limited',
  'model_context_length',
  'model_content_filter',
  'model_timeout',
  'model_unavailable',
  'model_refused',
  'model_not_found',
] as const;

export function agentsRoutes(router: Router, agents: Agents): void {
  registryRoutes(router, agents);
  callRoutes(router, agents);
}

function registryRoutes(router: Router, agents: Agents): void {
  router.command({
    url: '/agents',
    operationId: 'createAgent',
    summary: 'Make an agent',
    tag,
    access: 'agents:write',
    body: CreateAgent,
    response: Agent,
    errors: ['already_exists'],
    handler: async (tx, { body }) => {
      const created = await agents.create(tx, body);
      return { body: created, headers: { etag: etagOf(created.version) } };
    },
  });

  router.route({
    method: 'GET',
    url: '/agents',
    operationId: 'listAgents',
    summary: 'List agents',
    description: 'By name. `q` looks for a text in names and instructions.',
    tag,
    access: 'agents:read',
    query: Type.Object({
      ...pageQuery.properties,
      status: Type.Optional(AgentStatus),
      q: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    }),
    response: pageOf(Agent),
    handler: ({ ctx, query }) => agents.list(ctx, query),
  });

  router.route({
    method: 'GET',
    url: '/agents/:agent_id',
    operationId: 'getAgent',
    summary: 'Read an agent',
    tag,
    access: 'agents:read',
    params: AgentParams,
    response: Agent,
    errors: ['not_found'],
    handler: async ({ ctx, params, reply }) => {
      const agent = await agents.get(ctx, params.agent_id);
      reply.header('etag', etagOf(agent.version));
      return agent;
    },
  });

  router.route({
    method: 'PATCH',
    url: '/agents/:agent_id',
    operationId: 'changeAgent',
    summary: 'Change an agent',
    description: 'Discussions in which it takes part follow the change with its next turn.',
    tag,
    access: 'agents:write',
    params: AgentParams,
    body: ChangeAgent,
    response: Agent,
    errors: ['not_found', 'already_exists', 'version_mismatch', 'precondition_required'],
    handler: async ({ ctx, params, body, request, reply }) => {
      const changed = await agents.update(ctx, params.agent_id, { ...body, match: ifMatch(request) });
      reply.header('etag', etagOf(changed.version));
      return changed;
    },
  });

  router.route({
    method: 'DELETE',
    url: '/agents/:agent_id',
    operationId: 'deleteAgent',
    summary: 'Delete an agent',
    description: 'Refused with `in_use` while a discussion that has not ended needs it; archive it then.',
    tag,
    access: 'agents:write',
    params: AgentParams,
    status: 204,
    errors: ['not_found', 'in_use'],
    handler: ({ ctx, params }) => agents.remove(ctx, params.agent_id),
  });

  for (const [verb, status] of [
    ['archive', 'archived'],
    ['restore', 'active'],
  ] as const) {
    router.route({
      method: 'POST',
      url: `/agents/:agent_id/${verb}`,
      operationId: `${verb}Agent`,
      summary: verb === 'archive' ? 'Archive an agent' : 'Restore an archived agent',
      description: 'An archived agent takes part in nothing new and cannot be called. Twice is fine.',
      tag,
      access: 'agents:write',
      params: AgentParams,
      response: Agent,
      errors: ['not_found'],
      handler: ({ ctx, params }) => agents.setStatus(ctx, params.agent_id, status),
    });
  }
}

function callRoutes(router: Router, agents: Agents): void {
  router.route({
    method: 'POST',
    url: '/agents/:agent_id/invoke',
    operationId: 'invokeAgent',
    summary: 'Let an agent answer',
    tag,
    access: 'agents:invoke',
    limit: 'models',
    bodyLimit: BODY_LIMIT,
    params: AgentParams,
    body: Invoke,
    response: Invocation,
    errors: MODEL_ERRORS,
    handler: async ({ ctx, params, body }) => {
      const generation = await agents.invoke(ctx, params.agent_id, body);
      return invocationOf(await generation.result);
    },
  });

  router.route({
    method: 'POST',
    url: '/agents/:agent_id/stream',
    operationId: 'streamAgent',
    summary: 'Let an agent answer, token by token',
    description:
      'Server-sent events: `delta {offset, text}` (offset in UTF-16 units), then `done` with what `invoke` answers, or `error`.',
    tag,
    access: 'agents:invoke',
    limit: 'models',
    bodyLimit: BODY_LIMIT,
    params: AgentParams,
    body: Invoke,
    streams: true,
    errors: MODEL_ERRORS,
    handler: async ({ ctx, params, body }) => new SseBody(frames(await agents.invoke(ctx, params.agent_id, body))),
  });
}

async function* frames({ text, result }: Generation): AsyncGenerator<{ event: string; data: unknown }> {
  let offset = 0;
  for await (const piece of text) {
    yield { event: 'delta', data: { offset, text: piece } };
    offset += piece.length;
  }
  yield { event: 'done', data: invocationOf(await result) };
}
