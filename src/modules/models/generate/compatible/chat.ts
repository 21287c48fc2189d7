import type { Answer, Post } from '../../../../platform/net/outbound.ts';
import type { FinishReason, GenerateRequest } from '../../contract.ts';
import type { Connection } from '../../rules.ts';
import { toPrompt } from '../prompt.ts';
import type { Part } from '../source.ts';
import { EventData, MalformedAnswer } from './event-data.ts';

/** What a provider answered instead of a stream. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
  readonly statusCode: number;
  readonly responseHeaders: Answer['headers'];
  readonly responseBody: string;

  constructor({ status, headers }: Answer, body: string) {
    super(messageIn(body) ?? `Status ${status}`);
    this.statusCode = status;
    this.responseHeaders = headers;
    this.responseBody = body;
  }
}

const MAX_REFUSAL_CHARS = 64 * 1024;

type Asked = { readonly connection: Connection; readonly model: string; readonly post: Post };

/**
 * One request to a server that speaks OpenAI's chat completions, streamed. Of that wire, text is all that is asked for
 * here; without validation of the rest, and web streams one behind the other, a turn under way takes half the memory,
 * and a token half the time, that it takes through the AI SDK (ADR 11).
 */
export async function* chat(
  { connection: { baseUrl, apiKey }, model, post }: Asked,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  const answer = await post(`${baseUrl}/chat/completions`, {
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'user-agent': 'parley',
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify(bodyOf(model, request)),
    signal,
  });
  try {
    if (answer.status < 200 || answer.status > 299) throw new CallRefused(answer, await beginningOf(answer));
    const events = new EventData();
    const said = new Said();
    for await (const piece of answer.body) {
      for (const data of events.take(piece)) if (data !== '[DONE]') yield* said.hear(chunkOf(data));
    }
    yield said.finish();
  } finally {
    answer.drop();
  }
}

function bodyOf(model: string, { messages, parameters = {} }: GenerateRequest) {
  return {
    model,
    messages: toPrompt(messages).map(({ role, content }) => ({
      role,
      content:
        typeof content === 'string' ? content : content.map((part) => ('text' in part ? part.text : '')).join(''),
    })),
    // What is not set is left out by JSON.
    temperature: parameters.temperature,
    top_p: parameters.topP,
    max_tokens: parameters.maxTokens,
    seed: parameters.seed,
    stop: parameters.stop,
    stream: true,
    stream_options: { include_usage: true },
  };
}

/** What is read of a chunk. Nothing of it can be trusted to be there. */
type Chunk = {
  readonly error?: unknown;
  readonly choices?: unknown;
  readonly usage?: { prompt_tokens?: unknown; completion_tokens?: unknown; prompt_tokens_details?: unknown } | null;
};
type Choice = { readonly delta?: Delta | null; readonly finish_reason?: unknown } | null | undefined;
type Delta = {
  readonly content?: unknown;
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
  readonly refusal?: unknown;
};

function chunkOf(data: string): Chunk {
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch {
    throw new MalformedAnswer('A part of the answer is no JSON');
  }
  if (typeof chunk !== 'object' || chunk === null) throw new MalformedAnswer('A part of the answer is no object');
  return chunk as Chunk;
}

/** What has come of an answer so far, apart from its text. */
class Said {
  #reason: string | undefined;
  #usage: Extract<Part, { type: 'finish' }>['usage'];
  #refused = false;

  *hear({ error, choices, usage }: Chunk): Generator<Part> {
    if (error !== undefined && error !== null) throw error;
    if (usage) this.#usage = usageOf(usage);
    if (!Array.isArray(choices)) {
      if (usage) return;
      throw new MalformedAnswer('A part of the answer has no choices');
    }
    const [choice] = choices as Choice[];
    if (typeof choice?.finish_reason === 'string') this.#reason = choice.finish_reason;
    const { thought, text } = wordsOf(choice?.delta ?? {});
    if (text === '') yield { type: 'sign_of_life', counts: thought };
    else yield { type: 'text', text };
    if (choice?.delta?.refusal) this.#refused = true;
  }

  finish(): Part {
    if (this.#reason === undefined) throw new MalformedAnswer('The answer ended without a reason');
    const finishReason = finishReasonOf(this.#reason, this.#refused);
    return { type: 'finish', finishReason, ...(this.#usage && { usage: this.#usage }) };
  }
}

function wordsOf({ content, reasoning_content, reasoning, refusal }: Delta): { thought: boolean; text: string } {
  if (content !== undefined && content !== null && typeof content !== 'string' && !Array.isArray(content))
    throw new MalformedAnswer('A part of the answer holds something that is no text');
  // Some servers send a list of parts, of which thoughts are some.
  const parts: { type?: unknown; text?: unknown }[] = Array.isArray(content)
    ? content.filter((part) => typeof part === 'object' && part !== null)
    : [];
  const listed = parts.map(({ type, text }) => (type === 'text' && typeof text === 'string' ? text : ''));
  const text = [typeof content === 'string' ? content : listed.join(''), typeof refusal === 'string' ? refusal : ''];
  const thought = Boolean(reasoning_content ?? reasoning) || parts.some(({ type }) => type === 'thinking');
  return { thought, text: text.join('') };
}

const count = (value: unknown): number => (typeof value === 'number' && value > 0 ? Math.floor(value) : 0);

function usageOf({ prompt_tokens, completion_tokens, prompt_tokens_details: details }: NonNullable<Chunk['usage']>) {
  const cached = count((details as { cached_tokens?: unknown } | null | undefined)?.cached_tokens);
  return {
    inputTokens: count(prompt_tokens),
    outputTokens: count(completion_tokens),
    ...(cached > 0 && { cachedInputTokens: cached }),
  };
}

function finishReasonOf(reason: string, refused: boolean): FinishReason {
  if (reason === 'content_filter' || (reason === 'stop' && refused)) return 'content_filter';
  return reason === 'stop' || reason === 'length' ? reason : 'other';
}

/** As much of a refusal as is looked at. */
async function beginningOf({ body }: Answer): Promise<string> {
  let text = '';
  for await (const piece of body) {
    text += piece;
    if (text.length >= MAX_REFUSAL_CHARS) break;
  }
  return text.slice(0, MAX_REFUSAL_CHARS);
}

/** `{error: {message}}` (OpenAI), `{error}` (Ollama), `{message}` (vLLM): whatever of them it is. */
function messageIn(body: string): string | undefined {
  try {
    const told = JSON.parse(body) as { error?: unknown; message?: unknown } | null;
    const inner = (told?.error as { message?: unknown } | null | undefined)?.message;
    return [inner, told?.error, told?.message].find((text) => typeof text === 'string') as string | undefined;
  } catch {
    return undefined;
  }
}
