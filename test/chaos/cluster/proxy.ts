import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

/** What stands between two ends: `cut`: refused and reset; `hang`: half open, nobody hears anything; else so much late. */
export type Fault =
  | { readonly kind: 'cut' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly ms: number };

type Waiting = { readonly dueMs: number; readonly chunk: Buffer };

/**
 * A wire that can be cut. What comes to its port goes on to the target, byte for byte, as long as no fault is set; a
 * fault holds for connections that stand as well as for new ones.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #target: NetConnectOpts;
  readonly #links = new Set<Link>();
  readonly #server = createServer((near) => this.#accept(near));
  #fault: Fault | undefined;

  private constructor(target: NetConnectOpts) {
    this.#target = target;
  }

  static async start(target: NetConnectOpts): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** How many connections stand. */
  get connections(): number {
    return this.#links.size;
  }

  set(fault: Fault): void {
    this.#fault = fault;
    for (const link of [...this.#links]) link.set(fault);
  }

  /** What hung goes on where it was, with everything that was sent meanwhile. */
  heal(): void {
    this.#fault = undefined;
    for (const link of [...this.#links]) link.set(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of [...this.#links]) link.end();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(near: Socket): void {
    if (this.#fault?.kind === 'cut') {
      near.on('error', () => {});
      reset(near);
      return;
    }
    const link = new Link(near, connect(this.#target), () => this.#links.delete(link));
    this.#links.add(link);
    link.set(this.#fault);
  }
}

/** One connection through the proxy, both ways. */
class Link {
  readonly #ways: readonly Way[];
  readonly #sockets: readonly Socket[];

  constructor(near: Socket, far: Socket, onEnd: () => void) {
    this.#sockets = [near, far];
    this.#ways = [new Way(near, far), new Way(far, near)];
    for (const socket of this.#sockets) {
      socket.setNoDelay(true);
      socket.on('error', () => this.end());
      socket.once('close', () => {
        this.end();
        onEnd();
      });
    }
  }

  set(fault: Fault | undefined): void {
    if (fault?.kind === 'cut') this.end();
    else for (const way of this.#ways) way.set(fault);
  }

  end(): void {
    for (const socket of this.#sockets) if (!socket.destroyed) reset(socket);
  }
}

/**
 * Ends a connection as a crash would. Node cannot reset a socket of the file system, and one that has said its end already
 * it would never let go of: the process could not exit.
 */
export function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** One direction of a connection. Order is kept whatever the delay becomes. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #waiting: Waiting[] = [];
  #delayMs = 0;
  #hangs = false;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk: Buffer) => {
      this.#waiting.push({ dueMs: performance.now() + this.#delayMs, chunk });
      this.#pass();
    });
    from.on('end', () => {
      this.#ended = true;
      this.#pass();
    });
    from.once('close', () => clearTimeout(this.#timer));
    to.on('drain', () => {
      if (!this.#hangs) from.resume();
    });
  }

  set(fault: Fault | undefined): void {
    this.#hangs = fault?.kind === 'hang';
    this.#delayMs = fault?.kind === 'slow' ? fault.ms : 0;
    if (this.#hangs) this.#from.pause();
    else {
      this.#from.resume();
      this.#pass();
    }
  }

  #pass(): void {
    clearTimeout(this.#timer);
    if (this.#hangs) return;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), waitMs);
        return;
      }
      this.#waiting.shift();
      if (!this.#to.write(next.chunk)) this.#from.pause();
    }
    if (this.#ended) this.#to.end();
  }
}
