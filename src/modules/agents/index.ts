import type { Module } from '../../platform/module.ts';
import { agentChanged, agentRegistered } from './events.ts';
import { agentsRoutes } from './routes.ts';
import { type Agents, type AgentsDeps, agentsService } from './service.ts';

export {
  citationsOf,
  clip,
  DOCUMENT_BUDGET,
  documentParts,
  fallbacksOf,
  fitDocuments,
  modelParameters,
  quotedIn,
} from './rules.ts';
export type { Agent } from './schemas.ts';
export { Citation, ContextItem, Fallbacks, ModelId, Parameters } from './schemas.ts';
export type { Agents } from './service.ts';

/** Agents: a registry, and each of them alone (`invoke`, `stream`). Discussions let them speak together. */
export function createAgents(deps: AgentsDeps): Agents & Module {
  const service = agentsService(deps);
  return {
    ...service,
    name: 'agents',
    events: [agentRegistered, agentChanged],
    routes: (router) => agentsRoutes(router, service),
  };
}
