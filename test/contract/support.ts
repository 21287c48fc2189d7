import assert from 'node:assert/strict';
import { openApiDocument } from '../../src/platform/http/openapi/document.ts';
import type { MountedRoute } from '../../src/platform/http/routes.ts';
import { TAGS } from '../../src/roles/tags.ts';
import type { World } from '../support/world.ts';
import type { Made } from './fixtures.ts';

/** Anonymous, a member or a key: whoever asks. */
export type Caller = { readonly authorization: string | undefined };

/** An answer, whole; of a stream only its head. */
export type Seen = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
};

/** Where the mounted route is for these parameters. */
export function pathOf(route: MountedRoute, { params = {}, query }: Pick<Made, 'params' | 'query'>): string {
  const path = (route.urls[0] as string).replace(/:([A-Za-z_]+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  return query === undefined ? path : `${path}?${new URLSearchParams(query)}`;
}

export const UNKNOWN_ID = '01920000-0000-7000-8000-000000000000';

/** A request in the right form for things that do not exist. */
export function blank(route: MountedRoute): Made {
  const names = (route.urls[0] as string).match(/:([A-Za-z_]+)/g) ?? [];
  return { params: Object.fromEntries(names.map((name) => [name.slice(1), name === ':name' ? 'nobody' : UNKNOWN_ID])) };
}

/** Sends a made request as this caller. A stream is read until its first bytes are there, and left. */
export async function send(world: World, route: MountedRoute, made: Made, caller: Caller): Promise<Seen> {
  const { body, headers = {} } = made;
  return ask(world, pathOf(route, made), {
    method: route.method,
    headers: {
      ...(caller.authorization !== undefined && { authorization: caller.authorization }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

export async function ask(world: World, path: string, init: RequestInit): Promise<Seen> {
  const abort = new AbortController();
  const response = await fetch(`${world.url}${path}`, { ...init, signal: abort.signal, redirect: 'manual' });
  const { status, headers } = response;
  if (!headers.get('content-type')?.startsWith('text/event-stream'))
    return { status, headers, text: await response.text() };
  const first = await response.body?.getReader().read();
  abort.abort();
  return { status, headers, text: Buffer.from(first?.value ?? []).toString() };
}

type Operation = { responses: Record<string, { content?: Record<string, unknown> }> };

/** The statuses that the documents promise for a route. */
export function documented(world: World): (route: MountedRoute) => ReadonlySet<number> {
  const { config, http } = world.app;
  const { paths } = openApiDocument({ config, routes: http.routes, tags: TAGS }) as {
    paths: Record<string, Record<string, Operation>>;
  };
  return (route) => {
    const path = (route.urls[0] as string).replace(/:([A-Za-z_]+)/g, '{$1}');
    const operation = paths[path]?.[route.method.toLowerCase()];
    assert.ok(operation, `${route.method} ${path} is not in the documents`);
    return new Set(Object.keys(operation.responses).map(Number));
  };
}

/** Fails unless a refusal has the documented shape of its wire and carries its request's id. */
export function assertErrorShape(route: MountedRoute, seen: Seen): void {
  const what = `${route.spec.operationId} answered ${seen.status} ${seen.text.slice(0, 500)}`;
  const id = seen.headers.get('x-request-id');
  assert.ok(id, `${what}, without X-Request-ID`);
  assert.match(seen.headers.get('traceparent') ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/, what);
  assert.match(seen.headers.get('content-type') ?? '', /^application\/json/, what);
  const body = JSON.parse(seen.text);
  if (route.wire === 'oauth') {
    assert.deepEqual(Object.keys(body), ['error', 'error_description', 'request_id'], what);
    assert.equal(body.request_id, id, what);
    return;
  }
  const keys =
    route.wire === 'openai'
      ? ['code', 'details', 'message', 'param', 'request_id', 'type']
      : ['code', 'details', 'message', 'request_id', 'type'];
  // An URL that cannot be decoded, or is too long, leads to no route, hence to no wire either.
  const unrouted = ['bad_request', 'not_found'].includes(body.error.code) && !('param' in body.error);
  const expected = unrouted ? keys.filter((key) => key !== 'param') : keys;
  assert.deepEqual(Object.keys(body.error).sort(), expected, what);
  assert.equal(body.error.request_id, id, what);
}

/** Limits and a pace at which hundreds of requests in a row are ordinary. */
export const UNHURRIED = {
  limits: {
    default: { tokens: 1e9, windowSeconds: 1 },
    models: { tokens: 1e9, windowSeconds: 1 },
    sign_in: { tokens: 1e9, windowSeconds: 1 },
    anonymous: { tokens: 1e9, windowSeconds: 1 },
  },
} as const;
