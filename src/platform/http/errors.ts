/** The class of an error: what a client does about it. */
export type ErrorType =
  | 'invalid_request'
  | 'authentication'
  | 'permission'
  | 'not_found'
  | 'conflict'
  | 'rate_limit'
  | 'upstream'
  | 'internal';

type Row = { readonly status: number; readonly type: ErrorType; readonly message: string };

/** Every error of the product: code → status → class → default message. `docs/reference/errors.md` is made from it. */
export const ERRORS = {
  bad_request: { status: 400, type: 'invalid_request', message: 'The request could not be understood.' },
  invalid_json: { status: 400, type: 'invalid_request', message: 'The body is not valid JSON.' },
  invalid_cursor: { status: 400, type: 'invalid_request', message: 'The cursor does not belong to this list.' },
  idempotency_key_invalid: {
    status: 400,
    type: 'invalid_request',
    message: 'Idempotency-Key must be 1 to 255 visible ASCII characters.',
  },
  idempotency_key_required: {
    status: 400,
    type: 'invalid_request',
    message: 'Send an Idempotency-Key, so that a repeat of this request is known as one.',
  },
  unauthenticated: { status: 401, type: 'authentication', message: 'Sign in, or send an API key.' },
  token_expired: { status: 401, type: 'authentication', message: 'The access token has expired.' },
  invalid_credentials: { status: 401, type: 'authentication', message: 'The email or the password is wrong.' },
  invalid_grant: { status: 400, type: 'authentication', message: 'The credentials or the token are not valid.' },
  unsupported_grant_type: {
    status: 400,
    type: 'invalid_request',
    message: 'grant_type must be password or refresh_token.',
  },
  permission_denied: { status: 403, type: 'permission', message: 'You may not do this.' },
  signup_closed: { status: 403, type: 'permission', message: 'Sign-up is not open on this server.' },
  not_found: { status: 404, type: 'not_found', message: 'There is nothing here.' },
  method_not_allowed: { status: 405, type: 'invalid_request', message: 'This path does not take this method.' },
  conflict: { status: 409, type: 'conflict', message: 'The state does not allow this now.' },
  fence_outdated: { status: 409, type: 'conflict', message: 'The claim of this turn does not hold any more.' },
  already_exists: { status: 409, type: 'conflict', message: 'Something with this name exists already.' },
  in_use: { status: 409, type: 'conflict', message: 'Something still needs this.' },
  out_of_stock: { status: 409, type: 'conflict', message: 'There is not enough of something that was ordered.' },
  idempotency_in_progress: {
    status: 409,
    type: 'conflict',
    message: 'The first request with this Idempotency-Key is still running.',
  },
  upgrade_required: {
    status: 426,
    type: 'invalid_request',
    message: 'There is a WebSocket here: ask for the upgrade to it.',
  },
  version_mismatch: {
    status: 412,
    type: 'conflict',
    message: 'If-Match does not name the newest version: somebody changed it meanwhile.',
  },
  payload_too_large: { status: 413, type: 'invalid_request', message: 'The body is too large.' },
  request_timeout: { status: 408, type: 'invalid_request', message: 'The request did not arrive in time.' },
  headers_too_large: { status: 431, type: 'invalid_request', message: 'The request line and headers are too large.' },
  client_closed_request: { status: 499, type: 'invalid_request', message: 'The client closed the connection.' },
  unsupported_media_type: { status: 415, type: 'invalid_request', message: 'The body must be application/json.' },
  validation_failed: { status: 422, type: 'invalid_request', message: 'The request does not have the right form.' },
  idempotency_mismatch: {
    status: 422,
    type: 'invalid_request',
    message: 'This Idempotency-Key was used with another request.',
  },
  limit_reached: { status: 422, type: 'invalid_request', message: 'A limit of this resource is reached.' },
  precondition_required: { status: 428, type: 'invalid_request', message: 'Send If-Match with the version you read.' },
  rate_limited: { status: 429, type: 'rate_limit', message: 'Too many requests.' },
  model_authentication: { status: 502, type: 'upstream', message: 'The model provider refused its key.' },
  model_rate_limited: { status: 429, type: 'rate_limit', message: 'The model provider asks to slow down.' },
  model_context_length: { status: 422, type: 'invalid_request', message: 'The input is longer than the model takes.' },
  model_content_filter: { status: 422, type: 'upstream', message: 'The model provider filtered the content.' },
  model_timeout: { status: 504, type: 'upstream', message: 'The model provider did not answer in time.' },
  model_unavailable: { status: 502, type: 'upstream', message: 'The model provider is not available.' },
  model_refused: { status: 422, type: 'upstream', message: 'The model provider refused the request.' },
  model_not_found: { status: 404, type: 'not_found', message: 'There is no such model here.' },
  upstream_unavailable: { status: 503, type: 'upstream', message: 'A service that this needs is not available.' },
  upstream_timeout: { status: 504, type: 'upstream', message: 'A service that this needs did not answer in time.' },
  overloaded: { status: 503, type: 'upstream', message: 'Too much is going on; try again shortly.' },
  unavailable: { status: 503, type: 'upstream', message: 'A part that this needs is not available.' },
  internal: { status: 500, type: 'internal', message: 'Something went wrong on our side.' },
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof ERRORS;

/** The one error that a client is meant to see. Thrown where it is known, mapped once at the edge. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly type: ErrorType;
  readonly details: unknown;
  /** Extra response headers, e.g. `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    options: { message?: string; details?: unknown; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(options.message ?? ERRORS[code].message, { cause: options.cause });
    this.code = code;
    this.status = ERRORS[code].status;
    this.type = ERRORS[code].type;
    this.details = options.details;
    this.headers = options.headers ?? {};
  }
}
