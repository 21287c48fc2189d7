import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer as far as a load client looks at it. */
export type Told = { readonly status: number; readonly body: string };

export type Posts = {
  /** Sends a POST over a connection that is free, or as soon as one is. */
  post(path: string, body: string, headers?: string): Promise<Told>;
  close(): void;
};

/**
 * Keep-alive connections with one request at a time each, as thin as HTTP allows. The client shares the cores with what
 * it measures: an answer costs it about 25 µs here, and 80 µs with undici.
 */
export async function openPosts(port: number, { connections, headers }: { connections: number; headers: string }) {
  const free: Line[] = [];
  const waiting: ((line: Line) => void)[] = [];
  const lines = await Promise.all(Array.from({ length: connections }, () => openLine(port)));
  free.push(...lines);
  const posts: Posts = {
    async post(path, body, more = '') {
      const line = free.pop() ?? (await new Promise<Line>((resolve) => waiting.push(resolve)));
      const length = Buffer.byteLength(body);
      try {
        return await line(
          `POST ${path} HTTP/1.1\r\nhost: bench.test\r\ncontent-type: application/json\r\n${headers}${more}` +
            `content-length: ${length}\r\n\r\n${body}`,
        );
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(line);
        else next(line);
      }
    },
    close: () => {
      for (const line of lines) line.socket.destroy();
    },
  };
  return posts;
}

type Line = ((request: string) => Promise<Told>) & { readonly socket: Socket };

async function openLine(port: number): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  let text = '';
  let asked: PromiseWithResolvers<Told> | undefined;
  socket.setEncoding('latin1');
  socket.on('data', (piece: string) => {
    text = text === '' ? piece : text + piece;
    const end = text.indexOf('\r\n\r\n');
    if (end === -1) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
    if (text.length < end + 4 + Number(length ?? 0)) return;
    const told = { status: Number(text.slice(9, 12)), body: text.slice(end + 4) };
    text = '';
    asked?.resolve(told);
  });
  const gone = () => asked?.reject(new Error('The server closed the connection'));
  socket.on('error', gone).on('close', gone);
  const line = (request: string) => {
    asked = Promise.withResolvers<Told>();
    socket.write(request, 'utf8');
    return asked.promise;
  };
  return Object.assign(line, { socket });
}
