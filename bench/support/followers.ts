/**
 * Many event-stream clients in a process of their own, on bare sockets: one follows `bench/N` each. Told what to do over the
 * process's line: `open`, `reset`, `report`, `pause`. A client that is cut off comes back to the other door with the last id
 * it has, as a browser does; each notices an event that is missing or comes twice.
 */
import { connect, type Socket } from 'node:net';
import { percentiles } from './load.ts';

export type Order =
  | { do: 'open'; ports: readonly number[]; key: string; from: number; count: number; stream?: string }
  | { do: 'reset' }
  | { do: 'report' }
  | { do: 'pause'; stream: string }
  | { do: 'move'; ports: readonly number[] };
export type Report = {
  readonly open: number;
  readonly received: number;
  readonly missed: number;
  readonly doubled: number;
  readonly reconnected: number;
  /** When the last client that came back was open again, in Unix milliseconds. */
  readonly lastOpenAtMs: number;
  readonly lateMs: { p50Ms: number; p95Ms: number; p99Ms: number };
};

type Client = { stream: string; lastId: string | undefined; lastNumber: number; open: boolean; socket?: Socket };

const clients: Client[] = [];
let ports: readonly number[] = [];
let key = '';
let late: number[] = [];
let counts = { received: 0, missed: 0, doubled: 0, reconnected: 0, lastOpenAtMs: 0 };
const now = () => performance.timeOrigin + performance.now();

function open(client: Client, number: number, back = false): Promise<void> {
  return new Promise((resolve) => {
    const port = ports[number % ports.length] as number;
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    client.socket = socket;
    let text = '';
    socket.setEncoding('latin1');
    socket.once('connect', () => {
      const resume = client.lastId === undefined ? '' : `last-event-id: ${client.lastId}\r\n`;
      socket.write(
        `GET /api/v1/events/stream?streams=${client.stream} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\n${resume}\r\n`,
      );
    });
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!client.open) {
        if (!text.includes('\r\n\r\n')) return;
        if (!text.startsWith('HTTP/1.1 200')) throw new Error(text.slice(0, 300));
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
      // All at once would be a stampede; the server's own hint spreads them over a second.
      setTimeout(() => void open(client, number, true), Math.random() * 1_000);
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
  late.push(now() - Date.parse(time));
  counts.received += 1;
  const number = Number(at);
  if (client.lastNumber > 0 && number > client.lastNumber + 1) counts.missed += number - client.lastNumber - 1;
  if (number <= client.lastNumber) counts.doubled += 1;
  client.lastNumber = Math.max(client.lastNumber, number);
}

async function obey(order: Order): Promise<Report> {
  switch (order.do) {
    case 'open': {
      ({ ports, key } = order);
      const made = Array.from({ length: order.count }, (_, i): Client => {
        const stream = order.stream ?? `bench/${order.from + i}`;
        return { stream, lastId: undefined, lastNumber: 0, open: false };
      });
      for (let i = 0; i < made.length; i += 100)
        await Promise.all(made.slice(i, i + 100).map((client, n) => open(client, order.from + i + n)));
      clients.push(...made);
      break;
    }
    case 'move':
      ports = order.ports;
      break;
    case 'reset':
      late = [];
      counts = { received: 0, missed: 0, doubled: 0, reconnected: 0, lastOpenAtMs: 0 };
      break;
    case 'pause':
      for (const client of clients) if (client.stream === order.stream) client.socket?.pause();
      break;
    case 'report':
  }
  const lateMs = percentiles(late);
  return { open: clients.filter((client) => client.open).length, ...counts, lateMs };
}

process.send?.({});
process.on('message', (order: Order) => void obey(order).then((report) => process.send?.(report)));
