/** The class of a failure: what a caller does about it. `connection` is ours: no answer came at all. */
export type ErrorType =
  | 'invalid_request'
  | 'authentication'
  | 'permission'
  | 'not_found'
  | 'conflict'
  | 'rate_limit'
  | 'upstream'
  | 'internal'
  | 'connection';

type Parts = {
  code: string;
  type: ErrorType;
  status: number;
  message: string;
  details?: unknown;
  requestId?: string;
  retryAfterMs?: number;
  cause?: unknown;
};

/** One field that the server did not accept, as listed in `details` of a `validation_failed` error. */
export type FieldProblem = { path: string; message: string };

/**
 * The one error this client throws (an abort of your own signal is thrown as that signal's reason).
 * `status` is 0 when no answer came; `code` is then `connection_failed`, `timeout`, `stream_stalled` or `invalid_response`.
 */
export class ParleyError extends Error {
  override readonly name: string = 'ParleyError';
  readonly code: string;
  readonly type: ErrorType;
  readonly status: number;
  readonly details: unknown;
  /** What to quote to whoever runs the server: it is in its log. */
  readonly requestId: string | undefined;
  /** How long the server asked to wait (`Retry-After`), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(parts: Parts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.type = parts.type;
    this.status = parts.status;
    this.details = parts.details;
    this.requestId = parts.requestId;
    this.retryAfterMs = parts.retryAfterMs;
  }

  /** The fields that were refused, empty unless `code` is `validation_failed`. Paths are dotted: `parameters.top_p`. */
  get fields(): FieldProblem[] {
    const list = Array.isArray(this.details) ? this.details : listIn(this.details);
    return list.flatMap((item: unknown) => {
      if (typeof item !== 'object' || item === null) return [];
      const { path, field, message } = item as { path?: unknown; field?: unknown; message?: unknown };
      const where = typeof path === 'string' ? path : field;
      if (typeof where !== 'string' || typeof message !== 'string') return [];
      return [{ path: where.replace(/^[/.]+/, '').replaceAll('/', '.'), message }];
    });
  }
}

function listIn(details: unknown): unknown[] {
  if (typeof details !== 'object' || details === null) return [];
  const { fields } = details as { fields?: unknown };
  return Array.isArray(fields) ? fields : [];
}

/** No usable answer: the network, a deadline, or something that is not Parley. */
export function connectionError(code: string, message: string, cause?: unknown): ParleyError {
  return new ParleyError({ code, type: 'connection', status: 0, message, cause });
}

/** Makes an error of an answer that is not 2xx; understands our error object, OpenAI's and OAuth's. */
export async function errorOf(response: Response): Promise<ParleyError> {
  const text = await response.text().catch(() => '');
  const body = parsed(text);
  const shape = typeof body.error === 'object' && body.error !== null ? (body.error as Record<string, unknown>) : body;
  const oauth = typeof body.error === 'string' ? body.error : undefined;
  const string = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return new ParleyError({
    status: response.status,
    code: string(shape.code) ?? oauth ?? `http_${response.status}`,
    type: (string(shape.type) as ErrorType | undefined) ?? typeOf(response.status),
    message: string(shape.message) ?? string(body.error_description) ?? `The server answered ${response.status}.`,
    details: shape.details,
    requestId: string(shape.request_id) ?? response.headers.get('x-request-id') ?? undefined,
    retryAfterMs: retryAfter(response.headers.get('retry-after')),
  });
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function typeOf(status: number): ErrorType {
  if (status === 401) return 'authentication';
  if (status === 403) return 'permission';
  if (status === 404) return 'not_found';
  if (status === 409 || status === 412) return 'conflict';
  if (status === 429) return 'rate_limit';
  if (status === 502 || status === 503 || status === 504) return 'upstream';
  return status >= 500 ? 'internal' : 'invalid_request';
}

/** Seconds or an HTTP date, as milliseconds from now. */
export function retryAfter(header: string | null, nowMs: number = Date.now()): number | undefined {
  if (header === null || header === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
