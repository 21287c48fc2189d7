import { type ErrorType, errorFrom, type ParleyError } from './errors.ts';

/** OpenAI's classes of errors, as the routes on its wire name them. */
const OPENAI: Readonly<Record<string, ErrorType>> = {
  invalid_request_error: 'invalid_request',
  authentication_error: 'authentication',
  permission_error: 'permission',
  rate_limit_error: 'rate_limit',
  server_error: 'upstream',
};

/** Makes an error of an answer that is not 2xx; understands our error object, OpenAI's and OAuth's. */
export async function errorOf(response: Response): Promise<ParleyError> {
  const text = await response.text().catch(() => '');
  return errorOfBody(parsed(text), response.status, response.headers);
}

/** The same from what was read already: of an answer, or (status 200) of a frame in the middle of a stream. */
export function errorOfBody(body: Record<string, unknown>, status: number, headers?: Headers): ParleyError {
  const shape = typeof body.error === 'object' && body.error !== null ? (body.error as Record<string, unknown>) : body;
  const oauth = string(body.error);
  return errorFrom({
    status,
    code: string(shape.code) ?? oauth ?? `http_${status}`,
    type: typeIn(string(shape.type), status) ?? typeOf(status, oauth),
    message: string(shape.message) ?? string(body.error_description) ?? `The server answered ${status}.`,
    details: shape.details,
    requestId: string(shape.request_id) ?? string(body.request_id) ?? headers?.get('x-request-id') ?? undefined,
    retryAfterMs: retryAfter(headers?.get('retry-after') ?? null),
  });
}

const string = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The class that the answer names. OpenAI's are coarser than a status, but in the middle of a stream there is no other. */
function typeIn(type: string | undefined, status: number): ErrorType | undefined {
  if (type === undefined || !Object.hasOwn(OPENAI, type)) return type as ErrorType | undefined;
  return status < 400 ? OPENAI[type] : undefined;
}

/** The class where the answer names none: a proxy's, OpenAI's, or OAuth's, which has codes and statuses of its own. */
function typeOf(status: number, oauth: string | undefined): ErrorType {
  if (oauth === 'invalid_grant' || oauth === 'invalid_client') return 'authentication';
  if (oauth === 'unauthorized_client') return 'permission';
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
  if (header === null || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
