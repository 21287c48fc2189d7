import { errorOfBody } from '../answer.ts';
import { connectionError, errorFrom, ParleyError } from '../errors.ts';
import type { ConnectionState, WireEvent } from '../follow.ts';
import { backoffMs } from '../retry.ts';
import type { TokenSource } from '../tokens.ts';
import { Channel, type SubscribeOptions } from './channel.ts';

export type SocketOptions = {
  onConnection?(state: ConnectionState): void;
  /** The connection is taken for dead after this silence; it is asked for a sign of life before. Default 45,000. */
  idleMs?: number | undefined;
  /** Where there is none of its own (Node before 22): the `WebSocket` of the package `ws`, say. */
  webSocket?: (new (url: string) => WebSocket) | undefined;
};

type Deps = SocketOptions & { baseUrl: string; tokens: TokenSource };

/** What the server says. */
type Said = {
  type: string;
  id?: string | null;
  channel?: string;
  event?: string;
  data?: unknown;
  cursor?: string;
  reason?: string;
  expires_at?: string | null;
  error?: Record<string, unknown>;
};

const BASE_MS = 500;
const CAP_MS = 5_000;
/** A connection that lived this long was a good one. */
const LASTING_MS = 10_000;
/** A token is renewed this long before it runs out. */
const RENEW_MS = 30_000;
const CONNECT_MS = 30_000;
/** setTimeout takes no longer ones. */
const LONGEST_MS = 2 ** 31 - 1;

/** The server's own reasons to end a connection that a new one does not mend. */
const FORBIDDEN = 4403;
const UNAUTHENTICATED = 4401;

/**
 * One WebSocket that carries many channels. It connects when the first is followed, comes back by itself, and takes every
 * channel up where it was: nothing is missed, nothing comes twice.
 */
export class LiveSocket {
  readonly #deps: Deps;
  readonly #open: new (
    url: string,
  ) => WebSocket;
  readonly #channels = new Map<string, Channel>();
  #ws: WebSocket | undefined;
  #ready = false;
  #closed = false;
  #token: string | undefined;
  /** What came instead of a refused token: not every source remembers it. */
  #replacement: string | undefined;
  /** The refused token was renewed, and the new one has not been accepted yet. */
  #renewed = false;
  #failures = 0;
  #openedAt = 0;
  #heardAt = 0;
  #asked = 0;
  /** Why the connection ends, as the server told before it did. */
  #told: ParleyError | undefined;
  readonly #timers = new Map<'retry' | 'renew' | 'idle' | 'connect', ReturnType<typeof setTimeout>>();

  constructor(deps: Deps) {
    const found = deps.webSocket ?? (globalThis as { WebSocket?: new (url: string) => WebSocket }).WebSocket;
    if (found === undefined)
      throw new TypeError(
        'There is no WebSocket here: Node has one since version 22. Give one as `webSocket`, that of the package ws for example.',
      );
    this.#open = found;
    this.#deps = deps;
  }

  /**
   * Follows `discussions/{id}`, `orders/{id}` or `products/{id}`, or with `*` everything of the tenant, for as long as
   * you iterate. Each channel once at a time. Throws only what a new try cannot mend.
   */
  async *subscribe(name: string, options: SubscribeOptions = {}): AsyncGenerator<WireEvent> {
    if (this.#closed) throw new TypeError('This socket is closed.');
    if (this.#channels.has(name)) throw new TypeError(`This socket follows ${name} already.`);
    const { signal } = options;
    if (signal?.aborted) return;
    const channel = new Channel(name, options);
    const onAbort = (): void => channel.end();
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#channels.set(name, channel);
    if (this.#ready) this.#ask(channel);
    else this.#connect();
    try {
      for (;;) {
        const event = await channel.next(() => this.#readAll(channel));
        if (event === undefined) return;
        if (signal?.aborted) return;
        yield event;
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#leave(channel);
    }
  }

  /** Ends the connection, and every iteration quietly. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const channel of this.#channels.values()) channel.end();
    this.#drop(1000);
  }

  // The channels

  #ask(channel: Channel): void {
    channel.live = false;
    channel.full = false;
    channel.asked = String(++this.#asked);
    const { name, cursor, types, asked } = channel;
    this.#say({ type: 'subscribe', id: asked, channel: name, ...(cursor && { cursor }), ...(types && { types }) });
  }

  /** Nothing waits to be read any more: a channel that was left because of that is taken up again. */
  #readAll(channel: Channel): void {
    if (channel.full && this.#ready) this.#ask(channel);
  }

  #leave(channel: Channel): void {
    channel.end();
    if (this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    if (channel.asked !== undefined && !channel.full) this.#say({ type: 'unsubscribe', channel: channel.name });
  }

  #take(channel: Channel, event: WireEvent): void {
    if (channel.take(event)) return;
    channel.live = false;
    channel.full = true;
    this.#say({ type: 'unsubscribe', channel: channel.name });
  }

  #failAll(error: ParleyError): void {
    for (const channel of this.#channels.values()) channel.end(error);
    this.#channels.clear();
    this.#drop(1000);
  }

  // The connection

  #connect(): void {
    if (this.#ws || this.#timers.has('retry') || this.#closed) return;
    if (this.#failures === 0) this.#deps.onConnection?.({ state: 'connecting' });
    const ws = new this.#open(`${this.#deps.baseUrl.replace(/^http/, 'ws')}/ws`);
    this.#ws = ws;
    this.#told = undefined;
    this.#openedAt = Date.now();
    this.#timer('connect', CONNECT_MS, () => this.#ended(ws, 0, ''));
    ws.onopen = () => void this.#introduce(ws);
    ws.onmessage = ({ data }) => {
      if (this.#ws === ws) this.#hear(ws, String(data));
    };
    ws.onclose = ({ code, reason }) => this.#ended(ws, code, reason);
    ws.onerror = () => {};
  }

  /** Says who this is, now or again. */
  async #introduce(ws: WebSocket, renew = false): Promise<void> {
    const { tokens } = this.#deps;
    try {
      let token = this.#replacement ?? (await tokens.get());
      this.#replacement = undefined;
      if (renew && token === this.#token) token = await tokens.renew(token);
      if (this.#ws !== ws) return;
      if (token === undefined || token === '') {
        if (!renew) this.#failAll(signedOut());
        return;
      }
      this.#token = token;
      this.#say({ type: 'auth', token });
    } catch (error) {
      if (this.#ws !== ws) return;
      // A token that is there still holds for a while.
      if (renew) return;
      if (error instanceof ParleyError && error.type === 'connection') this.#ended(ws, 0, '');
      else this.#failAll(error instanceof ParleyError ? error : connectionError('no_session', String(error), error));
    }
  }

  #hear(ws: WebSocket, text: string): void {
    this.#heardAt = Date.now();
    let said: Said;
    try {
      said = JSON.parse(text) as Said;
    } catch {
      this.#ended(ws, 0, '');
      return;
    }
    const channel = said.channel === undefined ? undefined : this.#channels.get(said.channel);
    switch (said.type) {
      case 'ready':
        this.#greeted(ws, said);
        break;
      case 'subscribed':
        if (channel === undefined || channel.asked !== said.id) break;
        channel.live = true;
        channel.cursor ??= said.cursor;
        break;
      case 'event':
        if (channel) this.#take(channel, { type: said.event ?? '', cursor: said.id ?? undefined, data: said.data });
        break;
      case 'reset':
        if (channel)
          this.#take(channel, {
            type: 'reset',
            cursor: said.cursor,
            data: { cursor: said.cursor, reason: said.reason },
          });
        break;
      case 'unsubscribed':
        if (channel && said.reason === 'revoked') this.#refused(ws, channel, said);
        break;
      case 'error':
        if (channel && said.id === channel.asked) this.#refused(ws, channel, said);
        else if (channel === undefined) this.#told = errorOfBody(said, 200);
    }
  }

  #greeted(ws: WebSocket, { expires_at: expiresAt }: Said): void {
    const first = !this.#ready;
    this.#ready = true;
    this.#renewed = false;
    this.#clear('connect');
    if (typeof expiresAt === 'string') {
      const inMs = Math.max(1_000, Date.parse(expiresAt) - Date.now() - RENEW_MS);
      this.#timer('renew', Math.min(inMs, LONGEST_MS), () => void this.#introduce(ws, true));
    }
    if (!first) return;
    this.#deps.onConnection?.({ state: 'open' });
    this.#watch(ws);
    for (const channel of this.#channels.values()) this.#ask(channel);
  }

  /** The server does not let this channel be followed: for good, or only now. */
  #refused(ws: WebSocket, channel: Channel, said: Said): void {
    const error = errorOfBody(said, 200);
    if (['rate_limit', 'upstream', 'internal'].includes(error.type)) {
      this.#told = error;
      this.#ended(ws, 0, '');
      return;
    }
    this.#channels.delete(channel.name);
    channel.end(error);
  }

  /** Asks for a sign of life after half the silence, and gives the connection up after all of it. */
  #watch(ws: WebSocket): void {
    const idleMs = this.#deps.idleMs ?? 45_000;
    this.#timer('idle', idleMs / 3, () => {
      const silentMs = Date.now() - this.#heardAt;
      if (silentMs >= idleMs) {
        this.#ended(ws, 0, '');
        return;
      }
      if (silentMs >= idleMs / 2) this.#say({ type: 'ping' });
      this.#watch(ws);
    });
  }

  #ended(ws: WebSocket, code: number, reason: string): void {
    if (this.#ws !== ws) return;
    const wasReady = this.#ready;
    const told = this.#told;
    this.#drop(1000);
    if (this.#closed) return;
    if (code === FORBIDDEN) this.#failAll(told ?? forbidden());
    else if (told?.code === 'limit_reached') this.#failAll(told);
    else if (code === UNAUTHENTICATED) void this.#renew(told ?? signedOut());
    else this.#retry(wasReady, told, /retry_ms=(\d+)/.exec(reason)?.[1]);
  }

  /** The token was refused, or ran out: a new one, once, or nothing helps. */
  async #renew(error: ParleyError): Promise<void> {
    if (this.#renewed) {
      this.#failAll(error);
      return;
    }
    this.#renewed = true;
    try {
      const token = await this.#deps.tokens.renew(this.#token);
      this.#replacement = token;
      if (token === undefined) this.#failAll(error);
      // With the wait of a retry: a server that takes a token and then refuses it is not asked without end.
      else this.#retry(true, error);
    } catch (cause) {
      this.#renewed = false;
      this.#retry(false, cause instanceof ParleyError ? cause : error);
    }
  }

  #retry(wasReady: boolean, error: ParleyError | undefined, hint?: string): void {
    if (this.#closed || this.#channels.size === 0) {
      this.#failures = 0;
      return;
    }
    this.#failures = wasReady && Date.now() - this.#openedAt > LASTING_MS ? 1 : this.#failures + 1;
    const delayMs =
      hint === undefined ? backoffMs(this.#failures - 1, BASE_MS, CAP_MS) : Math.min(Number(hint), CAP_MS);
    this.#timer('retry', delayMs, () => this.#connect());
    this.#deps.onConnection?.({ state: 'reconnecting', attempt: this.#failures, delayMs, error });
  }

  #say(message: object): void {
    if (this.#ws?.readyState === 1) this.#ws.send(JSON.stringify(message));
  }

  /** Lets go of the connection; the channels stay where they are. */
  #drop(code: number): void {
    const ws = this.#ws;
    this.#ws = undefined;
    this.#ready = false;
    for (const name of [...this.#timers.keys()]) this.#clear(name);
    for (const channel of this.#channels.values()) {
      channel.live = false;
      channel.asked = undefined;
    }
    if (ws === undefined) return;
    // One that is still connecting cannot be told anything.
    ws.onmessage = null;
    ws.close(code);
  }

  #timer(name: 'retry' | 'renew' | 'idle' | 'connect', ms: number, run: () => void): void {
    this.#clear(name);
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        run();
      }, ms),
    );
  }

  #clear(name: 'retry' | 'renew' | 'idle' | 'connect'): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

const signedOut = (): ParleyError =>
  errorFrom({
    code: 'no_session',
    type: 'authentication',
    status: 0,
    message: 'Nobody is signed in, or not any more.',
  });
const forbidden = (): ParleyError =>
  errorFrom({ code: 'permission_denied', type: 'permission', status: 0, message: 'This token is somebody else’s.' });
