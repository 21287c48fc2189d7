import { ERRORS, type ErrorCode } from '../../src/platform/http/errors.ts';

/** What a client does about each error. */
const ADVICE: Readonly<Record<ErrorCode, string>> = {
  bad_request: 'Mend the request; the message says what could not be understood.',
  invalid_json: 'Send valid JSON.',
  invalid_cursor: 'Read the list from its beginning. Cursors are bound to the tenant, the list and its filter.',
  idempotency_key_invalid: 'Send another key, a UUID for instance.',
  idempotency_key_required:
    'Send a key of your own for each order, a UUID for instance, and the same one with a repeat.',
  unauthenticated: 'Send `Authorization: Bearer` with an access token or an API key.',
  token_expired: 'Get a new access token with the refresh token; the SDK does it by itself.',
  invalid_credentials: 'Check the email and the password. The answer is the same whether or not the account exists.',
  invalid_grant: 'Sign in again. On the token endpoint this travels in OAuth’s own form.',
  unsupported_grant_type: 'Use `password` or `refresh_token`.',
  permission_denied: 'Ask an owner or admin for a role that may; `details` names the permission.',
  signup_closed: 'Ask for an invitation.',
  not_found: 'Check the id. What belongs to another tenant looks the same as what does not exist.',
  method_not_allowed: 'The header `Allow` names the methods of this path.',
  conflict: 'Read the resource again; its state has moved on.',
  fence_outdated: 'Your claim is lost, and `details` says why. Claim the turn again if it is still yours.',
  already_exists: 'Choose another name, or use what exists.',
  in_use: 'Release what still needs it first; `details` says what that is.',
  out_of_stock: '`details.lines` says of what there is how much. Nothing was held; order less, or something else.',
  idempotency_in_progress: 'Try again after `Retry-After` with the same key.',
  upgrade_required: 'Open it with a WebSocket client: `new WebSocket(url)`, or `parley.connect()` of the SDK.',
  version_mismatch: 'Read it again, apply the change to the new version, and send its ETag.',
  payload_too_large: 'Send less; the limits are in the API’s description.',
  request_timeout: 'Send the request faster, or check the connection.',
  headers_too_large: 'Send fewer or shorter headers; cookies are the usual reason.',
  client_closed_request: 'Only seen in logs: the client was gone before the answer.',
  unsupported_media_type: 'Send `Content-Type: application/json`.',
  validation_failed: '`details` lists every field that does not fit, and why. Unknown fields are refused.',
  idempotency_mismatch: 'Use a new key for a new request.',
  limit_reached: 'Delete what is not needed, or raise the limit where it can be set.',
  precondition_required: 'Read the resource and send its ETag as `If-Match`.',
  rate_limited: 'Wait as long as `Retry-After` says.',
  model_authentication: 'Set another key for the provider.',
  model_rate_limited: 'Wait as long as `Retry-After` says, or use another model.',
  model_context_length: 'Shorten the input, or choose a model that takes more.',
  model_content_filter: 'Rephrase, or choose another model.',
  model_timeout: 'Try again; raise the timeout for slow models.',
  model_unavailable: 'Try again later, or use another model.',
  model_refused: 'The message holds what the provider says of the request.',
  model_not_found: '`GET /models` lists what there is.',
  upstream_unavailable: 'Try again after `Retry-After`; the service is asked again by itself then.',
  upstream_timeout: 'Try again. Something that creates carries its `Idempotency-Key`, so it happens once.',
  overloaded: 'Try again after `Retry-After`.',
  unavailable: 'Try again shortly; `GET /health/ready` tells which part is missing.',
  internal: 'Our fault. The `request_id` finds it in the log.',
};

export function errorsPage(): string {
  const lines = Object.entries(ERRORS)
    .sort(([, a], [, b]) => a.status - b.status)
    .map(
      ([code, { status, type, message }]) =>
        `| ${status} | \`${code}\` | ${type} | ${message} | ${ADVICE[code as ErrorCode]} |`,
    );
  return `<!-- Made by \`make gen\` from src/platform/http/errors.ts and scripts/reference/errors.ts. -->
# Errors

Every error of the API has one shape:

\`\`\`json
{"error": {"code": "not_found", "message": "There is nothing here.", "type": "not_found", "details": null, "request_id": "…"}}
\`\`\`

\`code\` says what happened, \`type\` what kind of thing a client can do about it, \`request_id\` is the one of the header
\`X-Request-ID\`. Foreign wires keep their own manners: the token endpoint answers in OAuth's form, and under OpenAI's
routes the object holds OpenAI's fields as well.

| status | code | type | message | what to do |
|---|---|---|---|---|
${lines.join('\n')}
`;
}
