import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../telemetry/log.ts';
import type { Download } from '../router.ts';
import { toAppError } from './problem.ts';
import { sendError } from './responses.ts';

/** A client that takes nothing for so long is cut off. */
const STALL_MS = 30_000;

/** Sends a file as it is made. No piece is asked for before the socket took the last one. */
export async function sendDownload(
  log: Logger,
  request: FastifyRequest,
  reply: FastifyReply,
  { type, filename, pieces }: Download,
): Promise<void> {
  const source = pieces[Symbol.asyncIterator]();
  const { raw } = reply;
  let next: IteratorResult<string>;
  try {
    next = await source.next();
  } catch (error) {
    sendError(log, request, reply, error);
    return;
  }
  if (raw.destroyed) {
    await source.return?.();
    return;
  }
  reply.header('content-type', `${type}; charset=utf-8`).header('content-disposition', attachment(filename));
  openBody(reply);
  try {
    for (; !next.done; next = await source.next()) {
      if (await taken(raw, next.value)) continue;
      raw.destroy();
      await source.return?.();
      return;
    }
    raw.end();
  } catch (error) {
    fail(log, request, error);
    raw.destroy();
  }
}

/** Takes the response over from Fastify and sends its head. */
function openBody(reply: FastifyReply): void {
  const headers = reply.getHeaders();
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) raw.setHeader(name, value as string);
  raw.setHeader('cache-control', 'no-store');
  raw.writeHead(200);
}

function fail(log: Logger, request: FastifyRequest, error: unknown): void {
  const problem = toAppError(error);
  request.parley.span.fail(problem);
  if (problem.type !== 'internal') return;
  log.error('A download failed half-way, and the fault is ours', {
    request_id: request.parley.requestId,
    trace_id: request.parley.span.trace.traceId,
    code: problem.code,
    error: problem.cause ?? problem,
  });
}

/** Whether the socket took `text` in time, and the client is still there. */
async function taken(raw: ServerResponse, text: string): Promise<boolean> {
  if (raw.destroyed) return false;
  if (raw.write(text)) return true;
  const end = new AbortController();
  const onClose = () => end.abort();
  const timer = setTimeout(onClose, STALL_MS);
  raw.once('close', onClose);
  try {
    await once(raw, 'drain', { signal: end.signal });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    raw.removeListener('close', onClose);
  }
}

/** `Content-Disposition`, with the name in ASCII for old clients and in full (RFC 8187) for the others. */
export function attachment(filename: string): string {
  const plain = filename.replace(/[^\w.]+/g, '-').replace(/^[-.]+/, '') || 'download';
  const full = encodeURIComponent(filename).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"${plain === filename ? '' : `; filename*=UTF-8''${full}`}`;
}
