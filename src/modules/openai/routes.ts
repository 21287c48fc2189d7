import { type Router, SseBody } from '../../platform/http/router.ts';
import { ChatCompletion, ChatRequest, Model, ModelList, ModelParams } from './schemas.ts';
import type { OpenAiFacade } from './service.ts';

const tag = 'openai';
/** Conversations are long, and JSON escapes. */
const BODY_LIMIT = 8 * 1024 * 1024;

export function openaiRoutes(router: Router, openai: OpenAiFacade): void {
  router.route({
    method: 'POST',
    url: '/chat/completions',
    operationId: 'createChatCompletion',
    summary: 'Let a model or an agent answer',
    description:
      'OpenAI’s chat completions, whole or streamed (`stream: true`). `model` is `provider/model`, `local/…`, `rehearsal` or ' +
      '`agent:NAME`. Parameters that are not known here are passed by.',
    tag,
    access: 'models:invoke',
    at: 'v1',
    wire: 'openai',
    limit: 'models',
    bodyLimit: BODY_LIMIT,
    body: ChatRequest,
    response: ChatCompletion,
    streams: true,
    errors: [
      'conflict',
      'model_authentication',
      'model_rate_limited',
      'model_context_length',
      'model_content_filter',
      'model_timeout',
      'model_unavailable',
      'model_refused',
      'model_not_found',
    ],
    handler: async ({ ctx, body }) =>
      body.stream === true ? new SseBody(openai.stream(ctx, body)) : openai.complete(ctx, body),
  });

  router.route({
    method: 'GET',
    url: '/models',
    operationId: 'listModels',
    summary: 'List models and agents',
    description:
      'OpenAI’s list: what `model` may be in a request. Agents first, then models of providers, then the rehearsal.',
    tag,
    access: 'models:read',
    at: 'v1',
    wire: 'openai',
    response: ModelList,
    handler: async ({ ctx }) => ({ object: 'list' as const, data: await openai.list(ctx) }),
  });

  router.route({
    method: 'GET',
    url: '/models/:model_id',
    operationId: 'getModel',
    summary: 'Read a model',
    description: 'A slash in the id is written `%2F`, as OpenAI’s clients do.',
    tag,
    access: 'models:read',
    at: 'v1',
    wire: 'openai',
    params: ModelParams,
    response: Model,
    errors: ['model_not_found'],
    handler: ({ ctx, params }) => openai.get(ctx, params.model_id),
  });
}
