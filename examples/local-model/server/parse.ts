import type { ChatRequest, Said } from './contract.ts';
import { fault } from './errors.ts';

/** A request as it was asked, checked. */
export type Asked = ChatRequest & {
  /** Undefined where none was named: there is only one. */
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
};

const MAX_MESSAGES = 2_000;
const MAX_TOKENS = 1_000_000;
const MAX_STOPS = 4;
const MAX_STOP_LENGTH = 200;
const ROLES: Readonly<Record<string, Said['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
};
/** They change nothing in what this server answers. */
const IGNORED: ReadonlySet<string> = new Set([
  ...['user', 'metadata', 'store', 'service_tier', 'safety_identifier', 'prompt_cache_key', 'reasoning_effort'],
  ...['verbosity', 'parallel_tool_calls', 'frequency_penalty', 'presence_penalty'],
]);
/** They would change the answer, and this server cannot do them: all that they may say is what happens anyway. */
const NEUTRAL: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value === 1,
  logprobs: (value) => value === false,
  tools: (value) => Array.isArray(value) && value.length === 0,
  tool_choice: (value) => value === 'none' || value === 'auto',
  response_format: (value) => isObject(value) && value.type === 'text',
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === 'text',
};
const READ: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'],
  ...['temperature', 'top_p', 'seed', 'stop'],
]);

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads the body of `POST /v1/chat/completions`. Throws an `ApiError` that names the first field that is wrong. */
export function parseChat(text: string): Asked {
  const body = parseBody(text);
  for (const [name, value] of Object.entries(body)) {
    if (value === null || READ.has(name) || IGNORED.has(name)) continue;
    const isNeutral = Object.hasOwn(NEUTRAL, name) ? NEUTRAL[name] : undefined;
    if (isNeutral === undefined) throw fault(name, 'is not a field of this request', 'unknown_parameter');
    if (!isNeutral(value)) throw fault(name, 'asks for something that this server cannot do', 'unsupported_parameter');
  }
  const options = body.stream_options ?? undefined;
  if (options !== undefined && !isObject(options)) throw fault('stream_options', 'must be an object');
  return {
    model: optional(body.model, 'model', isText, 'must be the name of a model'),
    messages: parseMessages(body.messages),
    stream: flag(body.stream, 'stream'),
    includeUsage: flag(options?.include_usage, 'stream_options.include_usage'),
    maxTokens: whole(body.max_completion_tokens, 'max_completion_tokens') ?? whole(body.max_tokens, 'max_tokens'),
    temperature: between(body.temperature, 'temperature', 2),
    topP: between(body.top_p, 'top_p', 1),
    seed: optional(body.seed, 'seed', Number.isSafeInteger, 'must be a whole number') as number | undefined,
    stop: parseStop(body.stop),
  };
}

function parseBody(text: string): Json {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw fault('body', 'must be JSON', 'invalid_json');
  }
  if (!isObject(body)) throw fault('body', 'must be a JSON object', 'invalid_type');
  return body;
}

function parseMessages(value: unknown): Said[] {
  if (!Array.isArray(value) || value.length === 0) throw fault('messages', 'must be a list with a message at least');
  if (value.length > MAX_MESSAGES) throw fault('messages', `must hold ${MAX_MESSAGES} messages at most`);
  return value.map((message: unknown, index) => {
    const at = `messages[${index}]`;
    if (!isObject(message)) throw fault(at, 'must be an object');
    const role =
      typeof message.role === 'string' && Object.hasOwn(ROLES, message.role) ? ROLES[message.role] : undefined;
    if (role === undefined) throw fault(`${at}.role`, `must be one of ${Object.keys(ROLES).join(', ')}`);
    return { role, text: textOf(message.content, `${at}.content`) };
  });
}

/** A text, or a list of texts. */
function textOf(content: unknown, at: string): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw fault(at, 'must be a text, or a list of parts of type "text"');
  return content
    .map((part: unknown, index) => {
      if (isObject(part) && part.type === 'text' && typeof part.text === 'string') return part.text;
      throw fault(`${at}[${index}]`, 'must be of type "text", with its "text": this model reads nothing else');
    })
    .join('');
}

function parseStop(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const isFine = (stop: unknown) => typeof stop === 'string' && stop !== '' && stop.length <= MAX_STOP_LENGTH;
  if (list.length > MAX_STOPS || !list.every(isFine))
    throw fault('stop', `must be a text, or ${MAX_STOPS} at most, of 1 to ${MAX_STOP_LENGTH} characters each`);
  return list as string[];
}

function optional<T>(value: unknown, name: string, test: (value: unknown) => value is T, rule: string): T | undefined;
function optional(value: unknown, name: string, test: (value: unknown) => boolean, rule: string): unknown;
function optional(value: unknown, name: string, test: (value: unknown) => boolean, rule: string): unknown {
  if (value === undefined || value === null) return undefined;
  if (!test(value)) throw fault(name, rule);
  return value;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const flag = (value: unknown, name: string): boolean =>
  (optional(value, name, (given) => typeof given === 'boolean', 'must be true or false') as boolean | undefined) ??
  false;

const whole = (value: unknown, name: string): number | undefined =>
  optional(
    value,
    name,
    (given): given is number => Number.isInteger(given) && (given as number) >= 1 && (given as number) <= MAX_TOKENS,
    `must be a whole number from 1 to ${MAX_TOKENS}`,
  );

const between = (value: unknown, name: string, most: number): number | undefined =>
  optional(
    value,
    name,
    (given): given is number => isNumber(given) && given >= 0 && given <= most,
    `must be a number from 0 to ${most}`,
  );
