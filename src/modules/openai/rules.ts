import { validationFailed } from '../../platform/http/validation.ts';
import type { ChatMessage, GenerateResult, Parameters, Usage } from '../models/index.ts';
import type { ChatChunk, ChatCompletion, ChatRequest, Extras } from './schemas.ts';

/** What a request comes to in our own words. */
export type Asked = {
  readonly messages: ChatMessage[];
  readonly parameters: Parameters;
  /** The name behind `agent:`. */
  readonly agent: string | undefined;
};

const refuse = (field: string, rule: string, message: string) =>
  validationFailed([{ in: 'body', field, rule, message }]);

/** Reads OpenAI's request. Throws `validation_failed` in words for what cannot be had here. */
export function readRequest(request: ChatRequest): Asked {
  refuseUnoffered(request);
  const stop = typeof request.stop === 'string' ? [request.stop] : (request.stop ?? undefined);
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  const { temperature, top_p: topP, seed } = request;
  return {
    messages: request.messages.map(readMessage),
    parameters: {
      ...(temperature != null && { temperature }),
      ...(topP != null && { topP }),
      ...(maxTokens != null && { maxTokens }),
      ...(seed != null && { seed }),
      ...(stop?.some((text) => text !== '') && { stop: stop.filter((text) => text !== '') }),
    },
    agent: request.model?.startsWith('agent:') ? request.model.slice('agent:'.length) : undefined,
  };
}

function refuseUnoffered({ n, tools, functions, response_format: format, modalities, logprobs }: ChatRequest): void {
  if (n != null && n > 1) throw refuse('n', 'maximum', 'must be 1: one answer a request is given');
  if ((tools?.length ?? 0) > 0) throw refuse('tools', 'not_offered', 'tools are not offered by this model');
  if ((functions?.length ?? 0) > 0) throw refuse('functions', 'not_offered', 'tools are not offered by this model');
  if (format != null && format.type !== 'text') {
    throw refuse('response_format.type', 'not_offered', 'must be text: other formats are not offered by this model');
  }
  if (modalities?.some((modality) => modality !== 'text')) {
    throw refuse('modalities', 'not_offered', 'must be text: other modalities are not offered by this model');
  }
  if (logprobs === true) throw refuse('logprobs', 'not_offered', 'are not offered by this model');
}

const ROLES: Readonly<Record<string, ChatMessage['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
};

function readMessage({ role, content, name }: ChatRequest['messages'][number], index: number): ChatMessage {
  const known = Object.hasOwn(ROLES, role) ? ROLES[role] : undefined;
  if (known === undefined) {
    const message =
      role === 'tool' || role === 'function'
        ? 'tools are not offered by this model'
        : 'must be system, developer, user or assistant';
    throw refuse(`messages.${index}.role`, 'enum', message);
  }
  return { role: known, content: readContent(content, index), ...(name !== undefined && name !== '' && { name }) };
}

function readContent(content: ChatRequest['messages'][number]['content'], index: number): string {
  if (content == null) return '';
  if (typeof content === 'string') return content;
  return content
    .map((part, at) => {
      const text = part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : undefined;
      if (text !== undefined) return text;
      const field = `messages.${index}.content.${at}`;
      throw refuse(field, 'not_offered', `only text is taken by this model, not ${part.type.slice(0, 64)}`);
    })
    .join('\n');
}

/** What stays the same in every piece of one answer. */
export type Head = { readonly id: string; readonly created: number; readonly model: string };

export const headOf = (generationId: string, model: string, now: Date): Head => ({
  id: `chatcmpl-${generationId}`,
  created: Math.floor(now.getTime() / 1000),
  model,
});

const usageOf = ({ inputTokens, outputTokens }: Usage) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
});

const finishOf = ({ finishReason }: GenerateResult) => (finishReason === 'other' ? 'stop' : finishReason);

const extrasOf = (result: GenerateResult): Extras => ({
  generation_id: result.generationId,
  provider: result.provider,
  rehearsal: result.rehearsal,
  cost_nano_usd: result.costNanoUsd,
  usage_estimated: result.usage.estimated,
  time_to_first_token_ms: result.timeToFirstTokenMs,
  duration_ms: result.durationMs,
  citations: (result.citations ?? []).map(({ documentId, title, quote }) => ({
    ...(documentId !== undefined && { document_id: documentId }),
    title,
    quote,
  })),
});

/** A whole answer. */
export const completionOf = (head: Head, result: GenerateResult): ChatCompletion => ({
  ...head,
  object: 'chat.completion',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: result.text, refusal: null },
      logprobs: null,
      finish_reason: finishOf(result),
    },
  ],
  usage: usageOf(result.usage),
  parley: extrasOf(result),
});

/** A piece of a streamed answer; the first one says whose it is. */
export const deltaOf = (head: Head, text: string, first: boolean): ChatChunk => ({
  ...head,
  object: 'chat.completion.chunk',
  choices: [
    { index: 0, delta: { ...(first && { role: 'assistant' }), content: text }, logprobs: null, finish_reason: null },
  ],
});

/** The last piece of a streamed answer. */
export const finishChunkOf = (head: Head, result: GenerateResult): ChatChunk => ({
  ...head,
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: finishOf(result) }],
  parley: extrasOf(result),
});

/** After the last piece, when `stream_options.include_usage` asks for it. */
export const usageChunkOf = (head: Head, result: GenerateResult): ChatChunk => ({
  ...head,
  object: 'chat.completion.chunk',
  choices: [],
  usage: usageOf(result.usage),
});
