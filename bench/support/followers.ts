/**
 * Many event-stream clients in a process of their own, on bare sockets: one follows `bench/N` each. Told what to do over the
 * process's line. A client that is cut off comes back to the other door with the last id it has, as a browser does.
 */
import { connect, type Socket } from 'node:net';
import { percentiles } from './load.ts';
import type { Acknowledged } from './writer.ts';

export type Order =
  | { do: 'open'; port: number; key: string; from: number; count: number }
  /** Forgets what was measured, and which events came. */
  | { do: 'reset' }
  /** Where who is cut off comes back to. */
  | { do: 'move'; port: number }
  /** Goes away, and does not come back. */
  | { do: 'end' }
  /** What came, beside what was acknowledged since the reset. */
  | { do: 'report'; acknowledged?: Acknowledged };
export type Report = {
  readonly open: number;
  readonly received: number;
  /** Acknowledged events that did not come. */
  readonly holes: number;
  readonly doubled: number;
  readonly reconnected: number;
  /** Answers that were not a stream; the client came back once more. */
  readonly turnedAway: number;
  /** When the last client that came back was open again, in Unix milliseconds. */
  readonly lastOpenAtMs: number;
  /** When the last event came that was more than a second late. */
  readonly lastLateAtMs: number;
  readonly lateMs: { p50Ms: number; p95Ms: number; p99Ms: number };
};

type Client = {
  readonly number: number;
  lastId: string | undefined;
  open: boolean;
  readonly got: Set<number>;
  socket?: Socket;
};

const clients = new Map<string, Client>();
let ended = false;
let port = 0;
let key = '';
let late: number[] = [];
const nothing = { received: 0, doubled: 0, reconnected: 0, turnedAway: 0, lastOpenAtMs: 0, lastLateAtMs: 0 };
let counts = { ...nothing };
const now = () => performance.timeOrigin + performance.now();

function open(client: Client, back = false): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    client.socket = socket;
    let text = '';
    socket.setEncoding('latin1');
    socket.once('connect', () => {
      const resume = client.lastId === undefined ? '' : `last-event-id: ${client.lastId}\r\n`;
      socket.write(
        `GET /api/v1/events/stream?streams=bench/${client.number} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\n${resume}\r\n`,
      );
    });
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!client.open) {
        if (!text.includes('\r\n\r\n')) return;
        if (!text.startsWith('HTTP/1.1 200')) {
          counts.turnedAway += 1;
          if (!back) throw new Error(text.slice(0, 1_000));
          return void socket.destroy();
        }
        client.open = true;
        if (back) {
          counts.reconnected += 1;
          counts.lastOpenAtMs = now();
        }
        resolve();
      }
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        take(client, text.slice(0, end));
        text = text.slice(end + 2);
      }
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      client.open = false;
      if (ended) return;
      // The server's own hint spreads them over a second.
      setTimeout(() => void open(client, true), 500 + Math.random() * 1_000);
    });
  });
}

function take(client: Client, frame: string): void {
  const id = /(?:^|\n)id: (\S+)/.exec(frame)?.[1];
  if (id === undefined) return;
  client.lastId = id;
  const at = /"version":(\d+)/.exec(frame)?.[1];
  const time = /"time":"([^"]+)"/.exec(frame)?.[1];
  if (at === undefined || time === undefined) return;
  const lateMs = now() - Date.parse(time);
  late.push(lateMs);
  if (lateMs > 1_000) counts.lastLateAtMs = now();
  counts.received += 1;
  if (client.got.has(Number(at))) counts.doubled += 1;
  client.got.add(Number(at));
}

function report(acknowledged: Acknowledged): Report {
  const missing = acknowledged.filter(([stream, number]) => clients.get(stream)?.got.has(number) === false);
  const openNow = [...clients.values()].filter((client) => client.open).length;
  return { open: openNow, ...counts, holes: missing.length, lateMs: percentiles(late) };
}

async function obey(order: Order): Promise<Report> {
  switch (order.do) {
    case 'open': {
      ({ port, key } = order);
      const made = Array.from({ length: order.count }, (_, i): Client => {
        return { number: order.from + i, lastId: undefined, open: false, got: new Set() };
      });
      for (const client of made) clients.set(`bench/${client.number}`, client);
      for (let i = 0; i < made.length; i += 100)
        await Promise.all(made.slice(i, i + 100).map((client) => open(client)));
      return report([]);
    }
    case 'move':
      port = order.port;
      return report([]);
    case 'end':
      ended = true;
      for (const { socket } of clients.values()) socket?.destroy();
      return report([]);
    case 'reset':
      late = [];
      counts = { ...nothing };
      for (const { got } of clients.values()) got.clear();
      return report([]);
    case 'report':
      return report(order.acknowledged ?? []);
  }
}

process.send?.({});
process.on('message', (order: Order) => void obey(order).then((report) => process.send?.(report)));
