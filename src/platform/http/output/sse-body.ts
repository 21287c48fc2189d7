import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../telemetry/log.ts';
import type { SseBody, Wire } from '../router.ts';
import { problemBody, toAppError } from './problem.ts';
import { sendError } from './responses.ts';

type Frame = { event?: string; data: unknown };

/** A comment when nothing else was sent for so long, so that proxies do not take the stream for dead. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = ':\n\n';

/** Headers of every event stream: nothing on the way may keep, change or gather it. */
export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * Writes a stream that is made on the spot. Until the first frame is there an error is an ordinary answer; after it,
 * a frame. The next frame is only asked for when the socket took the last one, so a slow client buffers nothing here.
 */
export async function sendSseBody(
  log: Logger,
  request: FastifyRequest,
  reply: FastifyReply,
  body: SseBody,
): Promise<void> {
  const wire = request.parley.route?.wire ?? 'parley';
  const frames = body.frames[Symbol.asyncIterator]();
  const { raw } = reply;
  let next: IteratorResult<Frame>;
  try {
    next = await frames.next();
  } catch (error) {
    sendError(log, request, reply, error);
    return;
  }
  if (raw.destroyed) {
    await frames.return?.();
    return;
  }
  openStream(reply);
  const heartbeat = setInterval(() => raw.writableNeedDrain || raw.write(HEARTBEAT), HEARTBEAT_MS);
  heartbeat.unref();
  try {
    for (; !next.done; next = await frames.next()) {
      if (!(await write(raw, encode(wire, next.value)))) {
        await frames.return?.();
        return;
      }
      heartbeat.refresh();
    }
  } catch (error) {
    const problem = toAppError(error);
    request.parley.span.fail(problem);
    if (problem.status >= 500 && problem.type === 'internal')
      log.error('A stream failed, and the fault is ours', {
        request_id: request.parley.requestId,
        trace_id: request.parley.span.trace.traceId,
        code: problem.code,
        error: problem.cause ?? problem,
      });
    if (!raw.destroyed) await write(raw, errorFrame(wire, problemBody(wire, problem, request.parley.requestId)));
  } finally {
    clearInterval(heartbeat);
    raw.end();
  }
}

/** Takes the response over from Fastify and sends the head of an event stream at once. */
function openStream(reply: FastifyReply): void {
  const headers = reply.getHeaders();
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) raw.setHeader(name, value as string);
  raw.writeHead(200, SSE_HEADERS);
  raw.socket?.setNoDelay(true);
  raw.flushHeaders();
}

/** Whether the client is still there once the socket has taken `text`. */
async function write(raw: ServerResponse, text: string): Promise<boolean> {
  if (raw.destroyed) return false;
  if (raw.write(text)) return true;
  const closed = new AbortController();
  const onClose = () => closed.abort();
  raw.once('close', onClose);
  try {
    await once(raw, 'drain', { signal: closed.signal });
    return true;
  } catch {
    return false;
  } finally {
    raw.removeListener('close', onClose);
  }
}

/** On OpenAI's wire a string goes out as it is: its streams end with `[DONE]`, which is not JSON. */
function encode(wire: Wire, { event, data }: Frame): string {
  const text = wire === 'openai' && typeof data === 'string' ? data : JSON.stringify(data);
  return event === undefined ? `data: ${text}\n\n` : `event: ${event}\ndata: ${text}\n\n`;
}

const errorFrame = (wire: Wire, body: string) =>
  wire === 'openai' ? `data: ${body}\n\n` : `event: error\ndata: ${body}\n\n`;
