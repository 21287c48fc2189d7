import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { percentiles } from './load.ts';

/** What a client process is told; it answers each with a message. */
export type WireOrder =
  | { readonly order: 'open'; readonly port: number; readonly connections: number }
  | {
      readonly order: 'ask';
      readonly paths: readonly string[];
      readonly headers: Record<string, string>;
      /** The nth path is asked for in proportion to `n ** -zipf`. Default 0: each alike. */
      readonly zipf?: number;
    }
  | { readonly order: 'pace'; readonly rate: number; readonly seconds: number }
  | { readonly order: 'saturate'; readonly seconds: number }
  /** Every path once. */
  | { readonly order: 'each' }
  | { readonly order: 'burst'; readonly path: string; readonly count: number }
  | { readonly order: 'close' };

/** What came of an order. Latencies count from the moment that a request was due. */
export type WireResult = {
  readonly sent: number;
  /** Answers that were no 200, and connections that ended. */
  readonly failed: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Of the client itself: near 1, it is the client that is measured. */
  readonly clientCores: number;
};

type Connection = { readonly socket: Socket; dueMs: number; head: string; left: number; ok: boolean };

const SERVING = 'wire';
const OPENING_AT_ONCE = 200;
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * An HTTP client that costs little more than its system calls, in a process of its own: it writes prepared requests on its
 * connections, one at a time on each, and looks at the status and the length of what comes back. Whoever has rested longest
 * is asked next.
 */
class Wire {
  #port = 0;
  #headers: Record<string, string> = {};
  #requests: string[] = [];
  /** Of each request, together with those before it. */
  #shares: number[] = [];
  #idle: Connection[] = [];
  #idleAt = 0;
  #all = new Set<Connection>();
  #due: { dueMs: number; request: string }[] = [];
  #dueAt = 0;
  #latencies: number[] = [];
  #failed = 0;
  #open = 0;
  #again: (() => boolean) | undefined;
  #done: (() => void) | undefined;
  // Reading is done when the callback returns, so all connections share one buffer.
  readonly #buffer = Buffer.alloc(64 * 1024);

  async obey(order: WireOrder): Promise<WireResult | undefined> {
    if (order.order === 'open') return this.#openAll(order.port, order.connections);
    if (order.order === 'ask') {
      this.#headers = order.headers;
      this.#requests = order.paths.map((path) => this.#requestOf(path));
      this.#shares = [];
      for (let n = 0, sum = 0; n < order.paths.length; n += 1) {
        sum += (n + 1) ** -(order.zipf ?? 0);
        this.#shares.push(sum);
      }
      return undefined;
    }
    if (order.order === 'close') {
      for (const { socket } of this.#all) socket.destroy();
      this.#all.clear();
      this.#idle = [];
      this.#idleAt = 0;
      return undefined;
    }
    return this.#measured(() => this.#run(order));
  }

  async #run(order: Exclude<WireOrder, { order: 'open' | 'ask' | 'close' }>): Promise<number> {
    const begin = performance.now();
    if (order.order === 'burst') {
      const request = this.#requestOf(order.path);
      for (let i = 0; i < order.count; i += 1) this.#send(begin, request);
      await this.#answered();
      return order.count;
    }
    if (order.order === 'each') {
      for (const request of this.#requests) this.#send(begin, request);
      await this.#answered();
      return this.#requests.length;
    }
    if (order.order === 'saturate') {
      const end = begin + order.seconds * 1_000;
      let sent = 0;
      this.#again = () => {
        if (performance.now() >= end) return false;
        sent += 1;
        this.#send(performance.now(), this.#pick());
        return true;
      };
      while (this.#idleAt < this.#idle.length) this.#again();
      await this.#answered();
      this.#again = undefined;
      return sent;
    }
    const { rate, seconds } = order;
    const total = rate * seconds;
    for (let sent = 0; sent < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - begin) / 1_000) * rate) + 1);
      for (; sent < due; sent += 1) this.#send(begin + (sent / rate) * 1_000, this.#pick());
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await this.#answered();
    return total;
  }

  async #measured(work: () => Promise<number>): Promise<WireResult> {
    this.#latencies = [];
    this.#failed = 0;
    const cpu = process.cpuUsage();
    const begin = performance.now();
    const sent = await work();
    const seconds = (performance.now() - begin) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const clientCores = Math.round((user + system) / 1e4 / seconds) / 100;
    return { sent, failed: this.#failed, seconds, clientCores, ...percentiles(this.#latencies) };
  }

  #pick(): string {
    const shares = this.#shares;
    const at = Math.random() * (shares.at(-1) as number);
    let [low, high] = [0, shares.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((shares[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return this.#requests[low] as string;
  }

  #requestOf(path: string): string {
    const lines = Object.entries(this.#headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${this.#port}\r\n${lines.join('')}\r\n`;
  }

  #send(dueMs: number, request: string): void {
    this.#open += 1;
    const connection = this.#idle[this.#idleAt];
    if (connection === undefined) {
      this.#due.push({ dueMs, request });
      return;
    }
    this.#idleAt += 1;
    if (this.#idleAt > 1_024 && this.#idleAt * 2 > this.#idle.length) {
      this.#idle = this.#idle.slice(this.#idleAt);
      this.#idleAt = 0;
    }
    this.#write(connection, dueMs, request);
  }

  #write(connection: Connection, dueMs: number, request: string): void {
    connection.dueMs = dueMs;
    connection.left = -1;
    connection.socket.write(request, 'latin1');
  }

  #read(connection: Connection, bytes: number): void {
    if (connection.left < 0) {
      connection.head += this.#buffer.toString('latin1', 0, bytes);
      const end = connection.head.indexOf('\r\n\r\n');
      if (end < 0) return;
      connection.ok = connection.head.startsWith('200', 9);
      connection.left = end + 4 + Number(LENGTH.exec(connection.head)?.[1] ?? 0) - connection.head.length;
      connection.head = '';
    } else connection.left -= bytes;
    if (connection.left <= 0) this.#complete(connection);
  }

  #complete(connection: Connection): void {
    this.#latencies.push(performance.now() - connection.dueMs);
    if (!connection.ok) this.#failed += 1;
    this.#open -= 1;
    const next = this.#due[this.#dueAt];
    if (next === undefined) this.#idle.push(connection);
    else {
      this.#dueAt += 1;
      this.#write(connection, next.dueMs, next.request);
    }
    this.#again?.();
    if (this.#open === 0) this.#done?.();
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#done = () => {
        this.#done = undefined;
        this.#due = [];
        this.#dueAt = 0;
        resolve();
      };
      if (this.#open === 0) this.#done();
    });
  }

  async #openAll(port: number, connections: number): Promise<undefined> {
    this.#port = port;
    for (let left = connections; left > 0; left -= OPENING_AT_ONCE)
      await Promise.all(Array.from({ length: Math.min(left, OPENING_AT_ONCE) }, () => this.#connect()));
    return undefined;
  }

  #connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const onread = {
        buffer: this.#buffer,
        callback: (bytes: number) => {
          this.#read(connection, bytes);
          return true;
        },
      };
      const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, onread });
      const connection: Connection = { socket, dueMs: 0, head: '', left: 0, ok: false };
      socket.once('connect', () => {
        this.#all.add(connection);
        this.#idle.push(connection);
        resolve();
      });
      socket.once('error', reject);
      socket.once('close', () => this.#ended(connection));
    });
  }

  /** Whoever closed it did not answer: the measurement is no good, and says so. */
  #ended(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    this.#failed += 1;
    const at = this.#idle.indexOf(connection, this.#idleAt);
    if (at >= 0) this.#idle.splice(at, 1);
    else if (connection.left !== 0) {
      this.#open -= 1;
      if (this.#open === 0) this.#done?.();
    }
  }
}

/** A client in a process of its own. */
export async function startWire() {
  const child = spawn(process.execPath, [import.meta.filename, SERVING], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  const tell = async (order: WireOrder): Promise<WireResult> => {
    const answer = once(child, 'message', { signal: AbortSignal.timeout(120_000) });
    child.send(order);
    return ((await answer) as [WireResult])[0];
  };
  return { tell, stop: () => child.disconnect() };
}

export type WireClient = Awaited<ReturnType<typeof startWire>>;

function serve(): void {
  const wire = new Wire();
  process.on('message', (order: WireOrder) => {
    void wire.obey(order).then((result) => process.send?.(result ?? {}));
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

if (process.argv[2] === SERVING) serve();
