import type { Clock } from '../../lib/clock.ts';
import type { Ctx } from '../../platform/context.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Agents } from '../agents/index.ts';
import type { Generation, Models } from '../models/index.ts';
import {
  type Asked,
  completionOf,
  deltaOf,
  finishChunkOf,
  type Head,
  headOf,
  readRequest,
  usageChunkOf,
} from './rules.ts';
import type { ChatCompletion, ChatRequest, Model } from './schemas.ts';

/** OpenAI's wire over models and agents. */
export type OpenAiFacade = {
  /** Throws `validation_failed`, `model_*`, `permission_denied`. */
  complete(ctx: Ctx, request: ChatRequest): Promise<ChatCompletion>;
  /** The same as frames of a stream, `[DONE]` included. Nothing is asked before the first frame is. */
  stream(ctx: Ctx, request: ChatRequest): AsyncGenerator<{ data: unknown }>;
  list(ctx: Ctx): Promise<Model[]>;
  /** Throws `model_not_found`. */
  get(ctx: Ctx, id: string): Promise<Model>;
};

export type OpenAiDeps = {
  readonly models: Pick<Models, 'stream' | 'list' | 'defaultModel'>;
  readonly agents: Pick<Agents, 'byName' | 'activeNames' | 'invoke'>;
  readonly clock: Clock;
};

export function openaiService(deps: OpenAiDeps): OpenAiFacade {
  return {
    async complete(ctx, request) {
      const { generation, head } = await begin(deps, ctx, request);
      return completionOf(head, await generation.result);
    },

    async *stream(ctx, request) {
      const { generation, head } = await begin(deps, ctx, request);
      const withUsage = request.stream_options?.include_usage === true;
      const chunk = <T extends object>(piece: T) => ({ data: withUsage ? { usage: null, ...piece } : piece });
      let first = true;
      for await (const text of generation.text) {
        yield chunk(deltaOf(head, text, first));
        first = false;
      }
      const result = await generation.result;
      if (first) yield chunk(deltaOf(head, '', true));
      yield chunk(finishChunkOf(head, result));
      if (withUsage) yield chunk(usageChunkOf(head, result));
      yield { data: '[DONE]' };
    },

    list: (ctx) => listModels(deps, ctx),

    async get(ctx, id) {
      const found = id.startsWith('agent:')
        ? await agentModel(deps, ctx, id.slice('agent:'.length))
        : (await listModels(deps, ctx)).find((model) => model.id === id);
      if (found !== undefined) return found;
      throw new AppError('model_not_found', { message: `There is no model ${id.slice(0, 200)} here.` });
    },
  };
}

async function begin(
  { models, agents, clock }: OpenAiDeps,
  ctx: Ctx,
  request: ChatRequest,
): Promise<{ generation: Generation; head: Head }> {
  const asked = readRequest(request);
  if (asked.agent !== undefined) {
    const generation = await askAgent(agents, ctx, { ...asked, agent: asked.agent });
    return { generation, head: headOf(generation.id, `agent:${asked.agent}`, clock.now()) };
  }
  const model = request.model || (await models.defaultModel(ctx));
  const { messages, parameters } = asked;
  const generation = models.stream(ctx, { model, messages, parameters, purpose: { kind: 'chat' } });
  return { generation, head: headOf(generation.id, model, clock.now()) };
}

async function askAgent(
  agents: OpenAiDeps['agents'],
  ctx: Ctx,
  { agent, messages, parameters }: Asked & { agent: string },
): Promise<Generation> {
  // The route asks for models:invoke; an agent has instructions that its own permission guards.
  if (!ctx.permissions.has('agents:invoke')) throw new AppError('permission_denied');
  const { id } = await agents.byName(ctx, agent);
  return agents.invoke(ctx, id, { input: messages, parameters });
}

async function listModels({ models, agents }: OpenAiDeps, ctx: Ctx): Promise<Model[]> {
  const [offered, named] = await Promise.all([models.list(ctx), agents.activeNames(ctx)]);
  return [
    ...named.map(({ name, createdAt }) => agentOf(name, createdAt)),
    ...offered.map(({ id, provider, rehearsal }) => ({
      id,
      object: 'model' as const,
      created: 0,
      owned_by: rehearsal ? 'parley' : provider,
      kind: 'model' as const,
      rehearsal,
    })),
  ];
}

async function agentModel({ agents }: OpenAiDeps, ctx: Ctx, name: string): Promise<Model> {
  const agent = await agents.byName(ctx, name);
  return agentOf(agent.name, new Date(agent.created_at));
}

const agentOf = (name: string, createdAt: Date): Model => ({
  id: `agent:${name}`,
  object: 'model',
  created: Math.floor(createdAt.getTime() / 1000),
  owned_by: 'parley',
  kind: 'agent',
});
