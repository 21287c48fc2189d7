import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { reset } from './proxy.ts';

/** A server behind the balancer: where it listens, and where it says whether it is ready. */
export type Backend = { readonly port: number; readonly readyUrl: string };

const CHECK_MS = 100;
const ANSWER_MS = 600;
/** A process that is only busy may be late once. Whoever refuses, or says that it is not ready, is believed. */
const LATE = 2;

/**
 * What stands in front of several `api` processes: asks each whether it is ready, sends connections to those that are, in
 * turn, and ends those of one that is not any more (a stopped process would keep them for ever).
 */
export class Balancer implements AsyncDisposable {
  readonly #backends: readonly Backend[];
  readonly #ready = new Set<Backend>();
  readonly #pairs = new Map<Socket, Backend>();
  readonly #server = createServer((near) => this.#accept(near));
  readonly #over = new AbortController();
  #checking: Promise<unknown> | undefined;
  #turn = 0;

  private constructor(backends: readonly Backend[]) {
    this.#backends = backends;
  }

  static async start(backends: readonly Backend[]): Promise<Balancer> {
    const balancer = new Balancer(backends);
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    balancer.#checking = Promise.all(backends.map((backend) => balancer.#watch(backend)));
    return balancer;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    for (const socket of this.#pairs.keys()) socket.destroy();
    this.#server.close();
    await this.#checking;
  }

  async #watch(backend: Backend): Promise<void> {
    const { signal } = this.#over;
    let late = 0;
    while (!signal.aborted) {
      const patience = AbortSignal.timeout(ANSWER_MS);
      const ready = await fetch(backend.readyUrl, { signal: AbortSignal.any([signal, patience]) })
        .then(async (answer) => answer.ok && (await answer.arrayBuffer()) !== undefined)
        .catch(() => false);
      late = !ready && patience.aborted ? late + 1 : 0;
      if (ready) this.#ready.add(backend);
      else if ((late === 0 || late >= LATE) && this.#ready.delete(backend)) this.#drop(backend);
      await delay(CHECK_MS, undefined, { signal }).catch(() => {});
    }
  }

  #drop(backend: Backend): void {
    for (const [socket, of] of this.#pairs) if (of === backend) reset(socket);
  }

  #accept(near: Socket): void {
    near.on('error', () => near.destroy());
    const ready = this.#backends.filter((backend) => this.#ready.has(backend));
    const backend = ready[this.#turn++ % ready.length];
    if (backend === undefined) {
      reset(near);
      return;
    }
    const far = connect({ host: '127.0.0.1', port: backend.port, noDelay: true });
    near.setNoDelay(true);
    this.#pairs.set(near, backend);
    far.on('error', () => reset(near));
    near.once('close', () => {
      this.#pairs.delete(near);
      far.destroy();
    });
    far.once('close', () => near.destroy());
    near.pipe(far);
    far.pipe(near);
  }
}
