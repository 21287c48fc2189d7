import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hesitate } from '../hesitate.ts';

/** How a provider says no. Each protocol has its own status and body for it. */
export type Refusal =
  | 'wrong_key'
  | 'rate_limited'
  | 'out_of_funds'
  | 'context_length'
  | 'content_filter'
  | 'no_such_model'
  | 'bad_parameter'
  | 'overloaded'
  | 'broken';

/** What the stand-in does with one request. */
export type Behaviour =
  /** Says the pieces, `gapMs` apart, and ends when it may. `usage: null` tells no counts. */
  | {
      does: 'answer';
      pieces?: string[];
      gapMs?: number;
      mayEnd?: Promise<void>;
      usage?: Counts | null;
      finish?: Finish;
    }
  | { does: 'refuse'; why: Refusal; headers?: Record<string, string> }
  | { does: 'hang_before_headers' }
  /** Sends the head of the stream and the pieces, and then nothing more. */
  | { does: 'hang_midway'; pieces?: string[] }
  /** Destroys the socket after the pieces. */
  | { does: 'cut'; pieces?: string[] }
  /** Ends the stream properly, but without its last words. */
  | { does: 'end_early'; pieces?: string[] }
  | { does: 'malformed'; pieces?: string[] }
  /** Says inside of the stream that it cannot go on. */
  | { does: 'fail_midway'; pieces?: string[] }
  | { does: 'redirect'; to: string };

export type Counts = { input: number; output: number; cached?: number };
export type Finish = 'stop' | 'length' | 'content_filter';

/** How one protocol puts things on the wire. */
export type Protocol = {
  readonly name: string;
  /** Put behind the server's address to make its base URL. */
  readonly basePath: string;
  readonly models: readonly string[];
  listBody(): unknown;
  isGeneration(path: string): boolean;
  refusal(why: Refusal): { status: number; body: unknown };
  /** Frames of the event stream, as they stand on the wire. */
  head(model: string): string;
  text(piece: string): string;
  tail(finish: Finish, usage: Counts | null): string;
  failure(): string;
};

export type Received = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
  /** When the client closed the connection before the answer had ended, by `performance.now()`. */
  readonly abandoned: Promise<number>;
};

/** What is done, or what decides it by what is asked: where several ask at once, nobody knows who comes first. */
export type Step = Behaviour | ((asked: Received) => Behaviour);

/** Less than what tests wait for at least. */
const HESITATE_MS = 400;
const COUNTS: Counts = { input: 12, output: 7 };
const PIECES = ['Hello', ', ', 'world', '.'];

/** A server that speaks a provider's real protocol, with faults by script, over a real socket. */
export class StandIn implements AsyncDisposable {
  /** The generations that were asked for. Lists of models do not count. */
  readonly received: Received[] = [];
  /** How often the list of models was asked for. */
  lists = 0;
  readonly #protocol: Protocol;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #waiting: (() => void)[] = [];
  #script: Step[] = [{ does: 'answer' }];

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  static async start(protocol: Protocol, port = 0): Promise<StandIn> {
    const standIn = new StandIn(protocol);
    standIn.#server.listen(port, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}${this.#protocol.basePath}`;
  }

  /** What is done with the next requests, one each; the last one for all that follow. */
  script(...behaviours: [Step, ...Step[]]): void {
    this.#script = behaviours;
  }

  /** Resolves when `count` generations have been asked for. */
  async asked(count = 1): Promise<Received> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.received[count - 1] as Received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    if (request.method === 'GET') {
      this.lists += 1;
      json(response, 200, this.#protocol.listBody());
      return;
    }
    if (!this.#protocol.isGeneration(path)) {
      json(response, 404, { error: { message: `No route ${path}` } });
      return;
    }
    await hesitate(HESITATE_MS);
    const body = JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>;
    const abandoned = new Promise<number>((resolve) => {
      response.once('close', () => response.writableFinished || resolve(performance.now()));
    });
    const received = { method: 'POST', path, headers: request.headers, body, abandoned };
    this.received.push(received);
    for (const wake of this.#waiting.splice(0)) wake();
    const step = (this.#script.length > 1 ? this.#script.shift() : this.#script[0]) as Step;
    await this.#behave(typeof step === 'function' ? step(received) : step, response, String(body.model ?? path));
  }

  async #behave(behaviour: Behaviour, response: ServerResponse, model: string): Promise<void> {
    if (behaviour.does === 'hang_before_headers') return;
    if (behaviour.does === 'redirect') {
      response.writeHead(307, { location: behaviour.to }).end();
      return;
    }
    if (behaviour.does === 'refuse') {
      const { status, body } = this.#protocol.refusal(behaviour.why);
      json(response, status, body, behaviour.headers);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(this.#protocol.head(model));
    const gapMs = behaviour.does === 'answer' ? (behaviour.gapMs ?? 0) : 0;
    for (const piece of behaviour.pieces ?? PIECES) {
      if (gapMs > 0) await new Promise((resolve) => setTimeout(resolve, gapMs));
      if (response.destroyed) return;
      response.write(this.#protocol.text(piece));
    }
    switch (behaviour.does) {
      case 'answer': {
        await behaviour.mayEnd;
        const usage = behaviour.usage === undefined ? COUNTS : behaviour.usage;
        response.end(this.#protocol.tail(behaviour.finish ?? 'stop', usage));
        return;
      }
      case 'cut':
        // Once what was written is on its way: the client is to see the pieces.
        response.write('', () => response.socket?.resetAndDestroy());
        return;
      case 'end_early':
        response.end();
        return;
      case 'malformed':
        response.write('data: {"id": "x", "choices": [{"delta"\n\n');
        return;
      case 'fail_midway':
        response.end(this.#protocol.failure());
        return;
      case 'hang_midway':
        return;
    }
  }
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** An unnamed server-sent event. */
export const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
