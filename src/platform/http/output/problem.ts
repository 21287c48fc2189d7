import { translate } from '../../db/errors.ts';
import { AppError, type ErrorCode, type ErrorType } from '../errors.ts';
import { ClientGone } from '../input/context.ts';
import type { Wire } from '../router.ts';

/** Fastify's own errors, in our words. */
const FASTIFY: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_BAD_URL: 'bad_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: 'unsupported_media_type',
};

/** What a client is told of `error`. Everything that is not meant for it becomes `internal`, with the cause kept. */
export function toAppError(error: unknown): AppError {
  const meant = translate(error);
  if (meant instanceof AppError) return meant;
  if (meant instanceof ClientGone) return new AppError('client_closed_request', { cause: meant });
  const code = meant instanceof Error && 'code' in meant ? String(meant.code) : '';
  const known = FASTIFY[code];
  if (known !== undefined) return new AppError(known, { cause: error });
  // Reading the body failed half-way: the client broke off, or it lied about its length or encoding.
  if (meant instanceof Error && 'statusCode' in meant && meant.statusCode === 400)
    return new AppError('bad_request', { cause: error });
  return new AppError('internal', { cause: error });
}

const OAUTH: Partial<Record<ErrorCode, string>> = {
  invalid_grant: 'invalid_grant',
  invalid_credentials: 'invalid_grant',
  unauthenticated: 'invalid_client',
  token_expired: 'invalid_grant',
  unsupported_grant_type: 'unsupported_grant_type',
  permission_denied: 'unauthorized_client',
  rate_limited: 'temporarily_unavailable',
  unavailable: 'temporarily_unavailable',
  overloaded: 'temporarily_unavailable',
  internal: 'server_error',
};

/** The classes of errors in OpenAI's words, which its clients look at. */
const OPENAI: Readonly<Record<ErrorType, string>> = {
  invalid_request: 'invalid_request_error',
  authentication: 'authentication_error',
  permission: 'permission_error',
  not_found: 'invalid_request_error',
  conflict: 'invalid_request_error',
  rate_limit: 'rate_limit_error',
  upstream: 'server_error',
  internal: 'server_error',
};

/**
 * The status of an error on this wire: OAuth's is 400 for what is wrong with the request (RFC 6749, section 5.2), and
 * so is OpenAI's.
 */
export function statusOn(wire: Wire, error: AppError): number {
  if (wire === 'oauth' && (error.status === 422 || error.code === 'invalid_credentials')) return 400;
  if (wire === 'openai' && error.status === 422) return 400;
  return error.status;
}

/** The body of an error answer on this wire. */
export function problemBody(wire: Wire, error: AppError, requestId: string): string {
  const { code, type, message } = error;
  if (wire === 'oauth')
    return JSON.stringify({
      error: OAUTH[code] ?? 'invalid_request',
      error_description: message,
      request_id: requestId,
    });
  const details = error.details ?? null;
  if (wire === 'openai')
    return JSON.stringify({
      error: { message, type: OPENAI[type], param: firstField(details), code, details, request_id: requestId },
    });
  return JSON.stringify({ error: { code, message, type, details, request_id: requestId } });
}

/** The field that OpenAI's `param` names. */
function firstField(details: unknown): string | null {
  const fields = (details as { fields?: { field: string }[] } | null)?.fields;
  return fields?.[0]?.field || null;
}
