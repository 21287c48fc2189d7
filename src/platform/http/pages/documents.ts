import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { PAGE_CSP } from '../output/security.ts';

const require = createRequire(import.meta.url);
const swagger = (file: string) => join(dirname(require.resolve('swagger-ui-dist/package.json')), file);

type Asset = { readonly type: string; readonly file: () => string };
const SCRIPT = 'text/javascript; charset=utf-8';

/** The files of the documents' pages, from the packages themselves: nothing is fetched from anywhere else. */
const ASSETS: Readonly<Record<string, Asset>> = {
  '/docs/swagger-ui.css': { type: 'text/css; charset=utf-8', file: () => swagger('swagger-ui.css') },
  '/docs/swagger-ui-bundle.js': { type: SCRIPT, file: () => swagger('swagger-ui-bundle.js') },
  '/docs/favicon-32x32.png': { type: 'image/png', file: () => swagger('favicon-32x32.png') },
  '/redoc/redoc.standalone.js': { type: SCRIPT, file: () => require.resolve('redoc/bundles/redoc.standalone.js') },
};

const page = (title: string, head: string, body: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
${head}
</head>
<body>${body}</body>
</html>
`;

/** For text and for attributes in double quotes. */
export const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const INIT = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
`;
const HEAD_TOO = { exposeHeadRoute: true } as const;
const ONE_DAY = 'public, max-age=86400';

/** Serves `/openapi.json`, Swagger UI at `/docs` and ReDoc at `/redoc`. */
export function documentPages(app: FastifyInstance, options: { title: string; document: () => object }): void {
  const title = escapeHtml(options.title);
  let json: string | undefined;
  app.get('/openapi.json', HEAD_TOO, (_request, reply) => {
    json ??= JSON.stringify(options.document());
    reply.header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-cache').send(json);
  });
  const docs = page(
    `${title}: Swagger UI`,
    '<link rel="stylesheet" href="/docs/swagger-ui.css">',
    '<div id="swagger-ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/init.js"></script>',
  );
  const redoc = page(
    `${title}: ReDoc`,
    '<style>body { margin: 0 }</style>',
    '<redoc spec-url="/openapi.json" hide-download-buttons></redoc><script src="/redoc/redoc.standalone.js"></script>',
  );
  app.get('/docs', HEAD_TOO, (_request, reply) => sendPage(reply, docs));
  app.get('/redoc', HEAD_TOO, (_request, reply) => sendPage(reply, redoc));
  app.get('/docs/init.js', HEAD_TOO, (_request, reply) => {
    reply.header('content-type', SCRIPT).header('cache-control', ONE_DAY).send(INIT);
  });
  for (const [url, { type, file }] of Object.entries(ASSETS))
    app.get(url, HEAD_TOO, (_request, reply) => {
      reply.header('content-type', type).header('cache-control', ONE_DAY).send(createReadStream(file()));
    });
}

/** An HTML page of ours: it may load what this server serves, and nothing else, unless its policy says so. */
export function sendPage(reply: FastifyReply, html: string | Buffer, policy = PAGE_CSP): void {
  reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', policy)
    .header('cache-control', 'no-cache')
    .send(html);
}
