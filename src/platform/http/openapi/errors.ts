import { ERRORS, type ErrorCode } from '../errors.ts';
import type { JsonSchema } from '../input/schemas.ts';
import type { MountedRoute } from '../routes.ts';

const ALWAYS: readonly ErrorCode[] = ['bad_request', 'rate_limited', 'internal', 'overloaded', 'unavailable'];
/** Where no permission is named, the route itself may refuse some: an API key has no sessions, for example. */
const SIGNED_IN: readonly ErrorCode[] = ['unauthenticated', 'token_expired', 'permission_denied'];
const WITH_BODY: readonly ErrorCode[] = [
  'invalid_json',
  'payload_too_large',
  'unsupported_media_type',
  'validation_failed',
];
const COMMAND: readonly ErrorCode[] = ['idempotency_key_invalid', 'idempotency_in_progress', 'idempotency_mismatch'];

/** Every error that a route may answer with: those of its kind, and those it names. */
export function errorsOf(route: MountedRoute): ReadonlySet<ErrorCode> {
  const { kind, spec, wire } = route;
  const codes = new Set<ErrorCode>(ALWAYS);
  const add = (more: readonly ErrorCode[]) => {
    for (const code of more) codes.add(code);
  };
  if (spec.access !== 'public') add(SIGNED_IN);
  if (spec.method !== 'GET') add(WITH_BODY);
  if (wire === 'parley' || spec.params || spec.query) add(['validation_failed']);
  if (spec.params !== undefined) add(['not_found']);
  if (kind === 'command') add(COMMAND);
  if (spec.idempotency === 'required') add(['idempotency_key_required']);
  if (kind === 'follow' || spec.query?.properties.cursor !== undefined) add(['invalid_cursor']);
  add(spec.errors ?? []);
  return codes;
}

/** The same by the status that they have on the route's wire. */
export function errorsByStatus(route: MountedRoute): Map<number, ErrorCode[]> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) {
    const oauth = route.wire === 'oauth';
    const status = oauth && (ERRORS[code].status === 422 || code === 'invalid_credentials') ? 400 : ERRORS[code].status;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}

const TYPES = [...new Set(Object.values(ERRORS).map(({ type }) => type))].sort();

/** The one shape of our errors. */
export const ERROR_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'type', 'details', 'request_id'],
      properties: {
        code: { type: 'string', enum: Object.keys(ERRORS).sort(), description: 'What happened; stable.' },
        message: { type: 'string', description: 'For people; may change.' },
        type: { type: 'string', enum: TYPES, description: 'What a client does about it; stable.' },
        details: {
          description:
            'More, where there is more: of `validation_failed` an object with `fields`, a list of `{in, field, rule, message}`.',
        },
        request_id: { type: 'string', description: 'The same as the `X-Request-ID` header.' },
      },
    },
  },
};

/** OpenAI's error object, which ours is a superset of. */
export const OPENAI_ERROR_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code', 'details', 'request_id'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string', enum: TYPES },
        param: { type: ['string', 'null'], description: 'The field that is wrong.' },
        code: { type: 'string', enum: Object.keys(ERRORS).sort() },
        details: {},
        request_id: { type: 'string' },
      },
    },
  },
};

/** RFC 6749, section 5.2. */
export const OAUTH_ERROR_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['error', 'error_description', 'request_id'],
  properties: {
    error: { type: 'string', description: 'As RFC 6749 names it, for example `invalid_grant`.' },
    error_description: { type: 'string' },
    request_id: { type: 'string' },
  },
};
