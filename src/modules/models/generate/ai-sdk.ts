import { hash } from 'node:crypto';
import { AppError } from '../../../platform/http/errors.ts';
import type { Outbound } from '../../../platform/net/outbound.ts';
import type { FinishReason, GenerateRequest } from '../contract.ts';
import type { Connection } from '../rules.ts';
import type { LanguageModel, StreamPart } from './ai-types.ts';
import { toPrompt } from './prompt.ts';
import type { Part } from './source.ts';

/** A connection to a provider that has a package of its own. */
type Packaged = Connection & { readonly kind: Exclude<Connection['kind'], 'openai_compatible'> };
/** A provider's model, by its package. It is loaded with the first request: a start, and a rehearsal, need none. */
export type LoadModel = (connection: Packaged, model: string) => Promise<LanguageModel>;

/** Models of providers that are kept to be asked again. */
const MAX_MODELS = 200;

/**
 * What a package makes of a connection and a model is kept and shared: its schemas alone can be 70 KB and 1.5 ms
 * (measured), and nothing in it is of one request. Whoever changes a key or an address gets another one.
 */
export function languageModels(outbound: Outbound): LoadModel {
  const models = new Map<string, Promise<LanguageModel>>();
  return (connection, model) => {
    const { name, kind, baseUrl, apiKey, outbound: reach } = connection;
    // A digest, for the provider's key is a part of it.
    const key = hash('sha256', JSON.stringify([name, kind, baseUrl, apiKey, reach, model]), 'base64');
    const loaded = models.get(key) ?? languageModel(connection, model, outbound);
    models.delete(key);
    models.set(key, loaded);
    // Tenants name models as they like: the map must not grow with them.
    if (models.size > MAX_MODELS) models.delete(models.keys().next().value as string);
    loaded.catch(() => models.delete(key));
    return loaded;
  };
}

async function languageModel(
  { kind, baseUrl: baseURL, apiKey, outbound: reach }: Packaged,
  model: string,
  outbound: Outbound,
): Promise<LanguageModel> {
  const fetch = outbound.fetch(reach);
  switch (kind) {
    // The address and the key are always given: without them, the packages would look into the environment.
    case 'openai':
      return (await import('@ai-sdk/openai')).createOpenAI({ baseURL, apiKey: apiKey || 'none', fetch }).chat(model);
    case 'anthropic':
      return (await import('@ai-sdk/anthropic')).createAnthropic({ baseURL, apiKey: apiKey || 'none', fetch })(model);
    case 'google':
      return (await import('@ai-sdk/google')).createGoogleGenerativeAI({ baseURL, apiKey: apiKey || 'none', fetch })(
        model,
      );
  }
}

/** One request. The AI SDK's own retries are not in use: this is below `ai`, whose stream pipeline costs more per token. */
export async function* ask(
  load: () => Promise<LanguageModel>,
  { messages, parameters = {} }: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  const stop = new AbortController();
  const model = await load();
  const { stream } = await model.doStream({
    prompt: toPrompt(messages),
    abortSignal: AbortSignal.any([signal, stop.signal]),
    ...(parameters.temperature === undefined ? {} : { temperature: parameters.temperature }),
    ...(parameters.topP === undefined ? {} : { topP: parameters.topP }),
    ...(parameters.maxTokens === undefined ? {} : { maxOutputTokens: parameters.maxTokens }),
    ...(parameters.seed === undefined ? {} : { seed: parameters.seed }),
    ...(parameters.stop === undefined ? {} : { stopSequences: [...parameters.stop] }),
  });
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const part = toPart(value);
      if (part !== undefined) yield part;
    }
  } finally {
    // Whatever ended this: the connection must not go on. The stream's own end comes too late when a transform waits.
    stop.abort();
    reader.cancel().catch(() => {});
  }
}

/** Undefined for what does not concern us; throws what the provider says went wrong. */
function toPart(part: StreamPart): Part | undefined {
  switch (part.type) {
    case 'text-delta':
      return { type: 'text', text: part.delta };
    case 'reasoning-delta':
      return { type: 'sign_of_life', counts: true };
    case 'ping':
    case 'response-metadata':
      return { type: 'sign_of_life', counts: false };
    case 'error':
      throw part.error;
    case 'finish': {
      const { inputTokens, outputTokens } = part.usage;
      const told = inputTokens.total !== undefined && outputTokens.total !== undefined;
      return {
        type: 'finish',
        finishReason: finishReason(part.finishReason.unified),
        ...(told && {
          usage: {
            inputTokens: inputTokens.total as number,
            outputTokens: outputTokens.total as number,
            ...(inputTokens.cacheRead === undefined ? {} : { cachedInputTokens: inputTokens.cacheRead }),
          },
        }),
      };
    }
    default:
      return undefined;
  }
}

function finishReason(unified: string): FinishReason {
  switch (unified) {
    case 'stop':
    case 'length':
      return unified;
    case 'content-filter':
      return 'content_filter';
    case 'interrupted':
    case 'error':
      throw new AppError('model_unavailable', { message: 'The provider broke off its answer.' });
    default:
      return 'other';
  }
}
