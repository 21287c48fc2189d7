import type { TObject } from 'typebox';
import { type JsonSchema, tidy } from '../input/schemas.ts';
import type { Wire } from '../router.ts';
import type { MountedRoute } from '../routes.ts';
import type { Components } from './components.ts';
import { ERROR_SCHEMA, errorsByStatus, errorsOf, OAUTH_ERROR_SCHEMA, OPENAI_ERROR_SCHEMA } from './errors.ts';

type Json = Record<string, unknown>;

/** An operation of the document. */
export function operationOf(route: MountedRoute, components: Components): Json {
  const { spec, kind } = route;
  return {
    operationId: spec.operationId,
    summary: spec.summary,
    ...descriptionOf(route),
    tags: [spec.tag],
    security: securityOf(route),
    ...present('parameters', parametersOf(route)),
    ...(spec.body !== undefined && {
      requestBody: {
        required: spec.bodyOptional !== true,
        content: bodyContent(route, components.body(spec.body, route.wire === 'parley')),
      },
    }),
    responses: { ...successOf(route, components), ...failuresOf(route, components) },
    ...(kind === 'command' && { 'x-idempotent': true }),
  };
}

const present = (name: string, list: readonly unknown[]): Json => (list.length === 0 ? {} : { [name]: list });

function descriptionOf({ spec, permission, urls }: MountedRoute): Json {
  const needs = permission === undefined ? [] : [`Needs the permission \`${permission}\`.`];
  const also = urls.length > 1 ? [`Also at \`${template(urls[1] as string)}\`.`] : [];
  const text = [spec.description, ...needs, ...also].filter((part) => part !== undefined).join('\n\n');
  return text === '' ? {} : { description: text };
}

function securityOf({ spec, kind }: MountedRoute): Json[] {
  if (kind === 'socket') return [{}, { bearer: [] }, { ticket: [] }];
  if (spec.access === 'public') return [];
  return kind === 'follow' ? [{ bearer: [] }, { ticket: [] }] : [{ bearer: [] }];
}

/** `/agents/:agent_id` as OpenAPI writes it. */
export const template = (url: string): string => url.replace(/:([A-Za-z_]+)/g, '{$1}');

function parametersOf(route: MountedRoute): Json[] {
  const { spec, kind } = route;
  return [
    ...fieldsOf('path', spec.params),
    ...fieldsOf('query', spec.query),
    ...(kind === 'command' ? [{ ...IDEMPOTENCY_KEY, required: spec.idempotency === 'required' }] : []),
    ...(errorsOf(route).has('precondition_required') ? [IF_MATCH] : []),
    ...(kind === 'follow' ? [LAST_EVENT_ID, CURSOR] : []),
  ];
}

function fieldsOf(where: 'path' | 'query', schema: TObject | undefined): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = tidy(schema);
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: where === 'path' || (required.includes(name) && rest.default === undefined),
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'A repeat with the same key and body gets the first answer, byte for byte, for 48 hours.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
};
const IF_MATCH: Json = {
  name: 'If-Match',
  in: 'header',
  required: true,
  description: 'The ETag of the version that the change is based on, or `*`.',
  schema: { type: 'string', minLength: 1 },
};
const LAST_EVENT_ID: Json = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description: 'The `id` of the last event that was seen (`epoch.position`): the stream goes on after it.',
  schema: { type: 'string', maxLength: 128 },
};
const CURSOR: Json = {
  name: 'cursor',
  in: 'query',
  required: false,
  description: 'The same for the first connection, when no header can be sent; `Last-Event-ID` goes before it.',
  schema: { type: 'string', minLength: 1, maxLength: 128 },
};

function bodyContent({ wire }: MountedRoute, schema: JsonSchema): Json {
  return {
    'application/json': { schema },
    ...(wire === 'oauth' && { 'application/x-www-form-urlencoded': { schema } }),
  };
}

const HEADERS = { 'X-Request-ID': { $ref: '#/components/headers/RequestId' } };

const ATTACHMENT: Json = {
  description: '`attachment`, with a name for the file.',
  schema: { type: 'string' },
};

const SUCCESS: Readonly<Record<number, string>> = {
  101: 'The connection is a WebSocket now.',
  201: 'Created.',
  204: 'Done; there is nothing to say.',
};

function successOf(route: MountedRoute, components: Components): Json {
  const { spec, kind, status } = route;
  const streams = kind === 'follow' || spec.streams === true;
  const content = {
    ...(spec.response !== undefined && { 'application/json': { schema: components.answer(spec.response) } }),
    ...Object.fromEntries((spec.downloads ?? []).map((type) => [type, { schema: { type: 'string' } }])),
    ...(streams && { 'text/event-stream': { schema: { type: 'string', description: 'Server-sent events.' } } }),
  };
  const answer = (description: string): Json => ({
    description,
    headers: {
      ...HEADERS,
      ...(kind === 'command' && { 'Idempotency-Replayed': { $ref: '#/components/headers/IdempotencyReplayed' } }),
      ...(spec.downloads && { 'Content-Disposition': ATTACHMENT }),
    },
    ...(Object.keys(content).length > 0 && { content }),
  });
  const also = Object.fromEntries(
    (spec.alsoStatus ?? []).map((code) => [code, answer('The same form, with bad news.')]),
  );
  return {
    [status]: answer(SUCCESS[status] ?? 'As asked for.'),
    ...also,
  };
}

const WIRE_ERRORS: Readonly<Record<Wire, readonly [string, JsonSchema]>> = {
  parley: ['Error', ERROR_SCHEMA],
  openai: ['OpenAiError', OPENAI_ERROR_SCHEMA],
  oauth: ['OAuthError', OAUTH_ERROR_SCHEMA],
};

/** Statuses that mean the same nearly everywhere. */
const SHARED = new Set([400, 401, 403, 413, 415, 429, 500, 503]);

function failuresOf(route: MountedRoute, components: Components): Json {
  const [name, schema] = WIRE_ERRORS[route.wire];
  const reference = components.add(name, schema);
  const failures: Json = {};
  for (const [status, codes] of errorsByStatus(route)) {
    if (route.spec.alsoStatus?.includes(status)) continue;
    const failure = {
      description: codes.map((code) => `\`${code}\``).join(', '),
      headers: { ...HEADERS, ...(status === 429 && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }) },
      content: { 'application/json': { schema: reference } },
    };
    failures[status] = SHARED.has(status) ? components.response(`${name}${status}`, failure) : failure;
  }
  return failures;
}
