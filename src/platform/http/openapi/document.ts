import type { Config } from '../../config/config.ts';
import type { MountedRoute } from '../routes.ts';
import { Components } from './components.ts';
import { operationOf, template } from './operation.ts';

export type DocumentOptions = {
  readonly config: Pick<Config, 'projectName' | 'version'>;
  readonly routes: readonly MountedRoute[];
  /** What the documents say about each tag, in their order. Every route's tag must be here. */
  readonly tags: Readonly<Record<string, string>>;
};

const ABOUT = `A self-hosted backend for AI agents: they hold discussions with one another and with people, over documents,
and everything they do is recorded, metered and announced on one log.

Send an access token (\`POST /auth/token\`) or an API key as \`Authorization: Bearer …\`. JSON is snake_case, times are
RFC 3339 in UTC, ids are UUIDv7. Bodies are strict: an unknown field is refused. Every error has one shape (\`Error\`).
Every POST that creates takes an \`Idempotency-Key\`. Catalogues are paged by \`page\` and \`page_size\`, logs by \`cursor\`
and \`limit\`. Streams are server-sent events, resumed by \`Last-Event-ID\`.`;

/** The OpenAPI 3.1 document of these routes. The same routes give the same bytes. */
export function openApiDocument({ config, routes, tags }: DocumentOptions): Record<string, unknown> {
  const components = new Components();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    if (tags[route.spec.tag] === undefined)
      throw new Error(`${route.spec.operationId}: say what the tag "${route.spec.tag}" is about`);
    const path = template(route.urls[0] as string);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) };
  }
  const used = new Set(routes.map(({ spec }) => spec.tag));
  return {
    openapi: '3.1.0',
    info: {
      title: config.projectName,
      version: config.version,
      description: ABOUT,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This server' }],
    tags: Object.entries(tags)
      .filter(([name]) => used.has(name))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token, or an API key.' },
        ticket: {
          type: 'apiKey',
          in: 'query',
          name: 'ticket',
          description:
            'For EventSource, which cannot send headers: made by `POST /tickets` for one path, good once, for 60 seconds.',
        },
      },
      headers: {
        RequestId: {
          description: 'Names this request in the logs; taken over from the request when it sent a sane one.',
          schema: { type: 'string' },
        },
        RetryAfter: { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } },
        IdempotencyReplayed: {
          description: '`true` on an answer that was given before.',
          schema: { type: 'string', enum: ['true'] },
        },
      },
      responses: components.responses(),
      schemas: components.schemas(),
    },
  };
}
