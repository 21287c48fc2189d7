import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../errors.ts';
import { CONSOLE_CSP } from '../output/security.ts';
import { escapeHtml, sendPage } from './documents.ts';

/** Answers a path that nothing else takes with a page; false when there is none for it. */
export type Fallback = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

/**
 * Serves a built single-page console: its files under `/static/`, its page at `/` and (by the fallback) at its own
 * paths. Where it has not been built, `/` leads to the documents. `facts` are written into the page's `<meta>` elements
 * of these names: what a console must know before it can ask.
 */
export function consolePages(
  app: FastifyInstance,
  folder: string,
  facts: Readonly<Record<string, string>> = {},
): Fallback {
  const index = join(folder, 'index.html');
  if (!existsSync(index)) {
    app.get('/', { exposeHeadRoute: true }, (_request, reply) => reply.redirect('/docs'));
    return async () => false;
  }
  const send = async (reply: FastifyReply) => sendPage(reply, told(await readFile(index, 'utf8'), facts), CONSOLE_CSP);
  app.register(async (files) => {
    // A folder, a dot-dot or a NUL: the plugin calls them forbidden, and they are no files of the console.
    files.setErrorHandler((error: Error & { statusCode?: number }) => {
      if (error.statusCode === undefined || error.statusCode >= 500) throw error;
      throw new AppError('not_found', { cause: error });
    });
    files.register(fastifyStatic, {
      root: folder,
      prefix: '/static/',
      index: false,
      decorateReply: false,
      cacheControl: false,
      setHeaders: (reply, path) => {
        // What the build puts under assets/ has its content's hash in its name.
        const hashed = path.startsWith(join(folder, 'assets'));
        reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  });
  app.get('/', { exposeHeadRoute: true }, async (_request, reply) => {
    await send(reply);
    return reply;
  });
  return async (request, reply) => {
    const path = request.url.split('?', 1)[0] as string;
    if (/^\/(static|v1|docs|redoc|\.well-known)(\/|$)/.test(path)) return false;
    await send(reply);
    return true;
  };
}

function told(page: string, facts: Readonly<Record<string, string>>): string {
  return Object.entries(facts).reduce(
    (text, [name, value]) =>
      text.replace(`<meta name="${name}" content="`, (found) => `${found}${escapeHtml(value)}" data-built="`),
    page,
  );
}
