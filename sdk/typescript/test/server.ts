import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

type Seen = { method: string; url: string; headers: IncomingMessage['headers']; body: string };
type Answer = (response: ServerResponse, request: Seen) => void | Promise<void>;

/** A server on a real socket that answers by script: the n-th request gets the n-th answer, the last one stays. */
export async function scripted(t: TestContext, answers: Answer[]): Promise<{ baseUrl: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming) body += String(chunk);
    const request = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body };
    const answer = answers[Math.min(seen.push(request), answers.length) - 1];
    await answer?.(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`, seen };
}

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };

export const error = (status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Answer =>
  json(status, { error: { code, type: 'conflict', message: `It is ${code}.`, request_id: 'req-1', ...more } }, headers);

/** Cuts the connection without an answer. */
export const cut: Answer = (response) => {
  response.destroy();
};

/** Sends frames as an event stream, and then ends, hangs or breaks it. */
export const sse =
  (frames: string[], after: 'end' | 'hang' | 'cut' = 'end'): Answer =>
  async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const frame of frames) await new Promise<void>((resolve) => response.write(frame, () => resolve()));
    if (after === 'end') response.end();
    if (after === 'cut') response.destroy();
  };

export const logged = (position: number, type: string, data: object = {}, epoch = 'e1'): string =>
  `id: ${epoch}.${position}\nevent: ${type}\ndata: ${JSON.stringify({
    ...{ specversion: '1.0', id: `event-${position}`, type, time: '2026-11-21T10:00:00.000Z' },
    ...{ data: { discussion_id: 'd', ...data }, position, epoch },
  })}\n\n`;

export const live = (type: string, data: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ discussion_id: 'd', turn: 1, attempt: 1, ...data })}\n\n`;
