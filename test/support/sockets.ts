import { WebSocket } from 'ws';

/** What the server said. */
export type Said = {
  readonly type: string;
  readonly channel?: string;
  readonly id?: string | null;
  readonly event?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests assert what it is.
  readonly [field: string]: any;
};

/** A WebSocket as a test holds it. */
export type TestSocket = {
  readonly ws: WebSocket;
  /** Everything that was said, in order. */
  readonly said: readonly Said[];
  say(message: unknown): void;
  /** The first thing said, past or to come, that this is true of. Rejects when the connection ends before. */
  until(matches: (said: Said) => boolean): Promise<Said>;
  /** Subscribes, and resolves with what answers that. */
  subscribe(channel: string, more?: { cursor?: string; types?: readonly string[] }): Promise<Said>;
  /** Events of the log on a channel, in order: their types. */
  types(channel: string): string[];
  /** How it ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  leave(): void;
};

type Options = {
  /** Sent as the first message. */
  readonly token?: string | undefined;
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
};

const PATIENCE_MS = 60_000;

/** Opens one; rejects with the status where HTTP refuses. */
export async function openSocket(
  url: string,
  { token, protocols = [], headers = {} }: Options = {},
): Promise<TestSocket> {
  const ws = new WebSocket(url.replace(/^http/, 'ws'), [...protocols], { headers: { ...headers } });
  const said: Said[] = [];
  const waiting = new Set<{ matches(one: Said): boolean; resolve(one: Said): void; reject(error: Error): void }>();
  ws.on('message', (data) => {
    const one = JSON.parse(String(data)) as Said;
    said.push(one);
    for (const waiter of waiting) if (waiter.matches(one) && waiting.delete(waiter)) waiter.resolve(one);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => {
      for (const { reject } of waiting)
        reject(new Error(`Closed with ${code} ${reason} after ${JSON.stringify(said.slice(-5)).slice(0, 1_000)}`));
      resolve({ code, reason: String(reason) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('unexpected-response', (_request, response) => {
      reject(new Error(`Refused with ${response.statusCode}`));
      response.destroy();
    });
    ws.on('error', reject);
  });
  const socket: TestSocket = {
    ...{ ws, said, closed },
    say: (message) => ws.send(typeof message === 'string' ? message : JSON.stringify(message)),
    until(matches) {
      const known = said.find((one) => matches(one));
      if (known) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const waiter = { matches, resolve, reject };
        waiting.add(waiter);
        const last = () => JSON.stringify(said.slice(-5)).slice(0, 1_000);
        const timer = setTimeout(
          () => waiting.delete(waiter) && reject(new Error(`Waited in vain after ${last()}`)),
          PATIENCE_MS,
        );
        timer.unref();
      });
    },
    async subscribe(channel, more = {}) {
      const id = `subscribe ${said.length} ${channel}`.slice(0, 100);
      socket.say({ type: 'subscribe', id, channel, ...more });
      return socket.until((one) => one.id === id && one.type !== 'event');
    },
    types: (channel) =>
      said.filter((one) => one.type === 'event' && one.channel === channel && one.id).map((one) => String(one.event)),
    leave: () => ws.terminate(),
  };
  if (token !== undefined) {
    socket.say({ type: 'auth', token });
    await socket.until(({ type }) => type === 'ready' || type === 'error');
  }
  return socket;
}
