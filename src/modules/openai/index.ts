import type { Module } from '../../platform/module.ts';
import { openaiRoutes } from './routes.ts';
import { type OpenAiDeps, openaiService } from './service.ts';

/** OpenAI's wire at `/v1`: their clients talk to this server's models and agents unchanged. */
export function createOpenAi(deps: OpenAiDeps): Module {
  const service = openaiService(deps);
  return { name: 'openai', routes: (router) => openaiRoutes(router, service) };
}
