import { AppError, type ErrorCode } from '../../../platform/http/errors.ts';
import { OutboundRefused } from '../../../platform/net/outbound.ts';

/** A provider's failure in our words, and whether asking again could help. */
export type Failure = {
  readonly error: AppError;
  readonly retryable: boolean;
  /** What the provider asked to wait. */
  readonly retryAfterMs?: number;
};

/** What is read of the AI SDK's `APICallError` or our `CallRefused`, of an error inside a stream, or of a socket's error. */
type Clues = {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Everything that the provider said, for looking through. */
  readonly said: string;
  /** What a person may be shown of it. */
  readonly message: string;
};

type Rule = { readonly code: ErrorCode; readonly when: (clues: Clues) => boolean };

// In order: the more special first. Words are looked for only in what the provider said of a failed request.
const RULES: readonly Rule[] = [
  {
    code: 'model_content_filter',
    when: ({ said }) =>
      /content[_ ]filter|content_policy|content management policy|\bblocked by\b.*\bsafety|PROHIBITED_CONTENT|responsible ?ai/i.test(
        said,
      ),
  },
  {
    code: 'model_context_length',
    when: ({ status, said }) =>
      status !== 429 &&
      /context_length_exceeded|maximum context length|context (?:window|length|size)|prompt is too long|input is too long|too many (?:input )?tokens|(?:input )?token count.{0,40}exceeds|exceeds the (?:available )?context/i.test(
        said,
      ),
  },
  {
    code: 'model_authentication',
    when: ({ status, said }) =>
      status === 401 ||
      status === 403 ||
      /API_KEY_INVALID|api key not valid|invalid[_ ]api[_ ]key|authentication_error|permission_error/i.test(said),
  },
  {
    code: 'model_rate_limited',
    when: ({ status, said }) =>
      status === 429 ||
      status === 402 ||
      /rate_limit|insufficient_quota|RESOURCE_EXHAUSTED|credit balance is too low/i.test(said),
  },
  { code: 'model_not_found', when: ({ status, said }) => status === 404 || /model_not_found/.test(said) },
  {
    code: 'model_timeout',
    when: ({ status, said }) =>
      status === 408 ||
      status === 504 ||
      /timeout_error|DEADLINE_EXCEEDED|UND_ERR_(?:HEADERS|BODY|CONNECT)_TIMEOUT|ETIMEDOUT/.test(said),
  },
  { code: 'model_unavailable', when: ({ status }) => status === undefined || status >= 500 || status < 400 },
  { code: 'model_refused', when: () => true },
];

const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['model_rate_limited', 'model_unavailable']);
/** Waiting does not bring money. */
const OUT_OF_FUNDS = /insufficient_quota|billing|credit balance|exceeded your current quota/i;
/** The network between, or a wrong address: something else to look after than a provider that is down. */
const UNREACHED = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH)\b/;
const MAX_MESSAGE = 300;

/** Says what went wrong. `secret` never appears in what is told on. */
export function explain(thrown: unknown, { provider, secret }: { provider: string; secret?: string }): Failure {
  if (thrown instanceof AppError) return { error: thrown, retryable: false };
  const refused = causes(thrown).find((error) => error instanceof OutboundRefused);
  if (refused !== undefined) {
    const message = `The address of ${provider} is not one that this server calls: ${refused.message}`;
    return { error: new AppError('model_refused', { message, cause: refused }), retryable: false };
  }
  const clues = cluesOf(thrown);
  const { code } = RULES.find(({ when }) => when(clues)) as Rule;
  const retryAfterMs = retryAfter(clues.headers);
  const retryable =
    RETRYABLE.has(code) && !OUT_OF_FUNDS.test(clues.said) && clues.status !== 402 && !isMalformed(thrown);
  return {
    error: new AppError(code, {
      message: messageFor(code, { provider, clues, secret, malformed: isMalformed(thrown) }),
      details: { provider, ...(clues.status === undefined ? {} : { provider_status: clues.status }) },
      ...(code === 'model_rate_limited' && retryAfterMs !== undefined
        ? { headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } }
        : {}),
      cause: safeCause(thrown, code, { secret, status: clues.status }),
    }),
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Only where the cause is the request do the provider's own words help; elsewhere they may quote a key. */
function messageFor(
  code: ErrorCode,
  {
    provider,
    clues,
    secret,
    malformed,
  }: { provider: string; clues: Clues; secret: string | undefined; malformed: boolean },
): string | undefined {
  const told = clues.message
    .replaceAll(secret || '\0', '…')
    .replace(/\s+/g, ' ')
    .slice(0, MAX_MESSAGE);
  switch (code) {
    case 'model_authentication':
      return `${provider} refused the key that is set for it.`;
    case 'model_rate_limited':
      return OUT_OF_FUNDS.test(clues.said)
        ? `${provider} says that its quota is used up.`
        : `${provider} asks to slow down.`;
    case 'model_timeout':
      return `${provider} did not answer in time.`;
    case 'model_unavailable':
      if (malformed) return `${provider} sent an answer that is not well formed.`;
      if (clues.status === undefined && UNREACHED.test(clues.said)) return `${provider} cannot be reached from here.`;
      return `${provider} is not available.`;
    default:
      return told === '' ? undefined : `${provider}: ${told}`;
  }
}

/** What the log is told: without the key, which some servers repeat when they refuse it, and without any request. */
function safeCause(
  thrown: unknown,
  code: ErrorCode,
  { secret, status }: { secret: string | undefined; status: number | undefined },
): Error {
  const told = causes(thrown).map(({ name, message }) => `${name}: ${message}`);
  if (told.length === 0) told.push(`${JSON.stringify(thrown)}`);
  const text = code === 'model_authentication' ? `status ${status}` : told.join(' < ');
  return new Error(text.replaceAll(secret || '\0', '…').slice(0, 1_000));
}

function causes(thrown: unknown): Error[] {
  const chain: Error[] = [];
  for (let error = thrown; error instanceof Error && chain.length < 6; error = error.cause) chain.push(error);
  return chain;
}

const MALFORMED = new Set([
  'MalformedAnswer',
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'AI_InvalidResponseDataError',
  'AI_EmptyResponseBodyError',
]);
const isMalformed = (thrown: unknown): boolean => causes(thrown).some(({ name }) => MALFORMED.has(name));

type Told = { statusCode?: unknown; responseHeaders?: unknown; responseBody?: unknown; code?: unknown };

function cluesOf(thrown: unknown): Clues {
  if (isMalformed(thrown)) return { status: undefined, headers: {}, said: '', message: '' };
  const chain = causes(thrown);
  const told = chain.map((error) => error as Error & Told);
  const call = told.find(({ statusCode }) => typeof statusCode === 'number');
  const streamed = chain.length === 0 ? (JSON.stringify(thrown) ?? '') : '';
  const codes = told.flatMap(({ code }) => (typeof code === 'string' ? [code] : []));
  const body = typeof call?.responseBody === 'string' ? call.responseBody.slice(0, 20_000) : '';
  return {
    status: call === undefined ? statusOf(thrown) : (call.statusCode as number),
    headers: (call?.responseHeaders ?? {}) as Clues['headers'],
    said: [streamed, body, ...codes, ...chain.map(({ message }) => message)].join('\n'),
    message: call?.message ?? messageOf(thrown),
  };
}

/** An error object inside a stream may name a status, or a type that stands for one. */
function statusOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof Error) return undefined;
  const { code, type, status } = thrown as Record<string, unknown>;
  if (typeof code === 'number' && code >= 400 && code < 600) return code;
  if (typeof status === 'number') return status;
  if (type === 'invalid_request_error') return 400;
  return undefined;
}

function messageOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  const message = (thrown as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : '';
}

/** `retry-after-ms` (OpenAI), or `Retry-After` in seconds or as a date. */
export function retryAfter(headers: Clues['headers'], now = Date.now()): number | undefined {
  const ms = Number(headers['retry-after-ms'] ?? Number.NaN);
  if (ms >= 0) return ms;
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  const seconds = Number(text);
  const wait = Number.isNaN(seconds) ? Date.parse(text) - now : seconds * 1000;
  return wait >= 0 ? wait : undefined;
}
