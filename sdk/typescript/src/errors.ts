import type { components } from './gen/openapi.ts';

/** Every code a server of this version answers with; docs/reference/errors.md says what to do about each. */
export type ServerErrorCode = components['schemas']['Error']['error']['code'];
/** Codes of this client's own: no answer came, or none that could be used. */
export type ClientErrorCode =
  | 'connection_failed'
  | 'timeout'
  | 'stream_stalled'
  | 'invalid_response'
  | 'no_session'
  | `http_${number}`;
/** Open at the end: a newer server may have further codes. */
export type ErrorCode = ServerErrorCode | ClientErrorCode | (string & {});

/** The class of a failure: what a caller does about it. `connection` is ours: no answer came at all. */
export type ErrorType = components['schemas']['Error']['error']['type'] | 'connection';

export type ErrorParts = {
  code: ErrorCode;
  type: ErrorType;
  status: number;
  message: string;
  details?: unknown;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
};

/** One thing that the server did not accept. */
export type FieldProblem = {
  /** Where in the request. */
  in: 'body' | 'query' | 'path';
  /** Dotted: `parameters.top_p`, `participants.0.agent_id`. Empty: the whole of it. */
  field: string;
  /** The rule that was broken, in JSON Schema's words (`maxLength`) or one of the server's own (`exists`). */
  rule: string;
  /** For people: `must be <= 1`. */
  message: string;
};

/**
 * What every method of this client throws, but for an abort of your own signal, which is thrown as that signal's reason.
 * Each class below is one `type`; `code` says exactly what happened and is stable, `message` is for people.
 */
export class ParleyError extends Error {
  override readonly name: string = 'ParleyError';
  readonly code: ErrorCode;
  readonly type: ErrorType;
  /** The HTTP status; 0 where no answer came, 200 where a stream failed after it had begun. */
  readonly status: number;
  readonly details: unknown;
  /** What to quote to whoever runs the server: it is in its log. */
  readonly requestId: string | undefined;
  /** How long the server asked to wait (`Retry-After`), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.type = parts.type;
    this.status = parts.status;
    this.details = parts.details ?? null;
    this.requestId = parts.requestId;
    this.retryAfterMs = parts.retryAfterMs;
  }

  /** What was refused and why, field by field; empty unless `code` is `validation_failed`. */
  get fields(): FieldProblem[] {
    if (typeof this.details !== 'object' || this.details === null) return [];
    const { fields } = this.details as { fields?: unknown };
    return Array.isArray(fields) ? fields.filter(isFieldProblem) : [];
  }
}

function isFieldProblem(value: unknown): value is FieldProblem {
  if (typeof value !== 'object' || value === null) return false;
  const { field, message } = value as Record<string, unknown>;
  return typeof field === 'string' && typeof message === 'string';
}

/** No usable answer: the network, a deadline, or something that is not Parley. `status` is 0. */
export class ConnectionError extends ParleyError {
  override readonly name: string = 'ConnectionError';
}
/** `code: timeout`: no answer within `timeoutMs`. Whether the server did it is not known. */
export class TimeoutError extends ConnectionError {
  override readonly name: string = 'TimeoutError';
}
/** The request is at fault: it is refused again unless it is changed. */
export class InvalidRequestError extends ParleyError {
  override readonly name: string = 'InvalidRequestError';
}
/** `code: validation_failed`: `fields` says what does not fit, and why. */
export class ValidationError extends InvalidRequestError {
  override readonly name: string = 'ValidationError';
}
/** Not signed in, or not any more. */
export class AuthenticationError extends ParleyError {
  override readonly name: string = 'AuthenticationError';
}
/** Signed in, but not allowed. */
export class PermissionError extends ParleyError {
  override readonly name: string = 'PermissionError';
}
/** There is no such thing; what belongs to another tenant looks the same. */
export class NotFoundError extends ParleyError {
  override readonly name: string = 'NotFoundError';
}
/** The state does not allow this now, or somebody was faster: read it again. */
export class ConflictError extends ParleyError {
  override readonly name: string = 'ConflictError';
}
/** Too many requests; `retryAfterMs` says how long to wait. */
export class RateLimitError extends ParleyError {
  override readonly name: string = 'RateLimitError';
}
/** A model provider, or a part of the server, does not work just now or refuses. */
export class UpstreamError extends ParleyError {
  override readonly name: string = 'UpstreamError';
}
/** The server's own fault; `requestId` finds it in its log. */
export class InternalError extends ParleyError {
  override readonly name: string = 'InternalError';
}

const CLASSES: Readonly<Record<ErrorType, new (parts: ErrorParts) => ParleyError>> = {
  invalid_request: InvalidRequestError,
  authentication: AuthenticationError,
  permission: PermissionError,
  not_found: NotFoundError,
  conflict: ConflictError,
  rate_limit: RateLimitError,
  upstream: UpstreamError,
  internal: InternalError,
  connection: ConnectionError,
};

/** The error of the class that fits. A type that this version does not know is a plain ParleyError. */
export function errorFrom(parts: ErrorParts): ParleyError {
  if (parts.code === 'validation_failed') return new ValidationError(parts);
  if (parts.code === 'timeout' && parts.type === 'connection') return new TimeoutError(parts);
  const Class = Object.hasOwn(CLASSES, parts.type) ? CLASSES[parts.type] : ParleyError;
  return new Class(parts);
}

/** No usable answer. */
export function connectionError(code: ClientErrorCode, message: string, cause?: unknown): ParleyError {
  return errorFrom({ code, type: 'connection', status: 0, message, cause });
}
