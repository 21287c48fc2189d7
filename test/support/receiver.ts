import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a webhook's receiver gets it. */
export type Received = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Byte for byte, as it was signed. */
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: the tests look into it.
  readonly event: any;
};

type Answer = (response: ServerResponse, request: Received) => void;

/** A server on loopback that takes webhooks, keeps what it got, and answers as it is told. */
export async function createReceiver(answer: Answer = (response) => response.writeHead(204).end()) {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  let respond = answer;
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString();
      const { method = '', url = '', headers } = request;
      const got: Received = { method, path: url, headers, body, event: body.startsWith('{') ? JSON.parse(body) : null };
      received.push(got);
      for (const look of waiting) look();
      respond(response, got);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    received,
    port,
    url: `http://127.0.0.1:${port}/hook`,
    answer(next: Answer) {
      respond = next;
    },
    /** Resolves when so many have come. */
    until: (count: number) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (received.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof createReceiver>>;
