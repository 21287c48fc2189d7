import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Authenticate, Credentials, OnDenied, Principal } from '../../auth/authenticate.ts';
import type { Ctx, Trace } from '../../context.ts';
import { AppError } from '../../http/errors.ts';
import { addressKey, type Limits, principalKey, takeLimit } from '../../http/limits.ts';
import { toAppError } from '../../http/output/problem.ts';
import type { Limiter } from '../../reliability/limiter.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Hub } from '../hub.ts';
import { type Allowance, createAllowance } from './allowance.ts';
import type { Channel } from './channel.ts';
import { Following } from './following.ts';
import { CLOSE, type SocketLimits } from './limits.ts';
import { type About, BadMessage, type ClientMessage } from './messages.ts';
import type { SocketMetrics } from './metrics.ts';

/** What all connections of a process share. */
export type Shared = {
  readonly hub: Hub;
  readonly authenticate: Authenticate;
  readonly onDenied: OnDenied | undefined;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly limiter: Limiter;
  readonly requestLimits: Limits;
  readonly limits: SocketLimits;
  readonly log: Logger;
  readonly metrics: SocketMetrics;
  readonly read: (data: Buffer, isBinary: boolean) => ClientMessage;
  /** The operation that refusals are recorded under. */
  readonly operationId: string;
  /** Aborts when the process stops. */
  readonly signal: AbortSignal;
};

/** What a connection tells whoever counts connections. */
export type Doorkeeper = {
  /** It is known who this is. Throws `limit_reached` where the tenant has one too many. */
  readonly enter: (tenantId: string) => void;
  /** It counts no more; once. */
  readonly leave: () => void;
  /** The connection has ended. */
  readonly gone: () => void;
};

/** Where a connection came from. */
export type Origin = {
  readonly requestId: string;
  readonly trace: Trace;
  readonly ip: string;
  /** The path that was asked for, without its query: a ticket is good for exactly one. */
  readonly path: string;
};

type Task = () => Promise<void>;

/** `ws` would send a buffer as a binary message. */
const AS_TEXT = { binary: false } as const;

/**
 * One WebSocket: who it is, what it follows. What its client asks is answered in order; what is followed flows beside
 * that. Times are looked at by `tick`, so that a connection has no timer of its own.
 */
export class Connection {
  readonly #ws: WebSocket;
  readonly #shared: Shared;
  readonly #origin: Origin;
  readonly #doorkeeper: Doorkeeper;
  readonly #following: Following;
  readonly #allowance: Allowance;
  readonly #tasks: Task[] = [];
  #working = false;
  #principal: Principal | undefined;
  /** How to ask again who this is; undefined where a ticket said it. */
  #authorization: string | undefined;
  /** Credentials may have ended: they are asked about before anything else is answered. */
  #inDoubt = false;
  #closed = false;
  #closeCode: number | undefined;
  #alive = true;
  readonly #openedMs = performance.now();
  #authByMs: number;
  #pingAtMs: number;
  #recheckAtMs = Number.POSITIVE_INFINITY;

  constructor(
    shared: Shared,
    { ws, socket, origin, doorkeeper }: { ws: WebSocket; socket: Socket; origin: Origin; doorkeeper: Doorkeeper },
  ) {
    this.#ws = ws;
    this.#shared = shared;
    this.#origin = origin;
    this.#doorkeeper = doorkeeper;
    this.#following = this.#createFollowing(socket);
    const { limits } = shared;
    const nowMs = performance.now();
    this.#allowance = createAllowance(limits, nowMs);
    this.#authByMs = nowMs + limits.authMs;
    // At random, so that those who came together are not all pinged together.
    this.#pingAtMs = nowMs + limits.pingMs * (0.5 + Math.random() / 2);
    ws.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    ws.on('pong', () => {
      this.#alive = true;
    });
    ws.on('ping', () => this.#takes());
    // What the protocol forbids: ws has closed the connection with the code that says so.
    ws.on('error', () => {});
    ws.on('close', (code) => this.#gone(code));
  }

  get channels(): number {
    return this.#following.size;
  }

  get queuedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** Credentials that came with the handshake. */
  introduce(credentials: Omit<Credentials, 'path'>): void {
    this.#do({}, () => this.#authenticate(credentials, {}));
  }

  /** Looks at what is due. `wallMs` is Unix time. */
  tick(nowMs: number, wallMs: number): void {
    if (this.#closed) return;
    if (this.#principal === undefined) {
      if (nowMs >= this.#authByMs) this.#refuseEntry(new AppError('unauthenticated'));
      return;
    }
    if (wallMs >= (this.#principal.expiresAtMs ?? Number.POSITIVE_INFINITY)) {
      this.#refuseEntry(new AppError('token_expired'));
      return;
    }
    if (nowMs >= this.#recheckAtMs) this.#doubt();
    if (nowMs < this.#pingAtMs) return;
    if (!this.#alive) {
      this.#ws.terminate();
      return;
    }
    this.#alive = false;
    this.#pingAtMs = nowMs + this.#shared.limits.pingMs;
    this.#ws.ping();
  }

  /** The process stops: clients come back, not all in the same moment. */
  stop(): void {
    const [from, to] = this.#shared.limits.retryMs;
    this.#close(CLOSE.stopping, `stopping; retry_ms=${Math.round(from + Math.random() * (to - from))}`);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  // What a client says

  #receive(data: Buffer, isBinary: boolean): void {
    this.#alive = true;
    if (this.#closed || !this.#takes()) return;
    const { metrics, read } = this.#shared;
    let message: ClientMessage;
    try {
      message = read(data, isBinary);
    } catch (error) {
      metrics.received('invalid');
      const known = error instanceof BadMessage;
      this.#do(known ? error.about : {}, () => Promise.reject(known ? error.cause : error));
      return;
    }
    metrics.received(message.type);
    const about: About = {
      ...(message.id !== undefined && { id: message.id }),
      ...('channel' in message && { channel: message.channel }),
    };
    this.#do(about, () => this.#answer(message, about));
  }

  /** Whether one more message may be answered. Who goes on though told to slow down is cut off. */
  #takes(): boolean {
    if (this.#closed) return false;
    const verdict = this.#allowance.take(performance.now());
    if (verdict === 'cut') this.#close(CLOSE.tooMany, 'too many messages');
    if (verdict === 'refuse') this.#refuse({}, tooFast(this.#shared.limits.messagesPerSecond));
    return verdict === 'take';
  }

  async #answer(message: ClientMessage, about: About): Promise<void> {
    switch (message.type) {
      case 'auth':
        return this.#authenticate({ authorization: `Bearer ${message.token}` }, about);
      case 'subscribe':
        await this.#count(this.#known());
        return this.#following.subscribe(message, about);
      case 'unsubscribe':
        this.#known();
        return this.#following.unsubscribe(message.channel, about);
      case 'ping':
        return this.#say({ type: 'pong', ...about });
    }
  }

  /** Does one after the other; what fails is told. */
  #do(about: About, task: Task): void {
    if (this.#tasks.length >= this.#shared.limits.maxWaiting) {
      this.#close(CLOSE.tooMany, 'too many messages are waiting');
      return;
    }
    this.#tasks.push(() => task().catch((error: unknown) => this.#refuse(about, error)));
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let task = this.#tasks.shift(); task !== undefined && !this.#closed; task = this.#tasks.shift()) await task();
    this.#working = false;
  }

  // Who it is

  async #authenticate(credentials: Omit<Credentials, 'path'>, about: About): Promise<void> {
    const principal = await this.#ask(credentials, about);
    if (principal === undefined || this.#closed) return;
    const before = this.#principal;
    if (before !== undefined && (before.tenantId !== principal.tenantId || before.actor.id !== principal.actor.id)) {
      const error = new AppError('permission_denied', {
        message: 'This connection is somebody else’s: open another one.',
      });
      this.#refuse(about, error);
      this.#close(CLOSE.forbidden, error.message);
      return;
    }
    try {
      await this.#count(principal);
      if (this.#closed) return;
      if (before === undefined) this.#doorkeeper.enter(principal.tenantId);
    } catch (error) {
      this.#refuse(about, error);
      this.#close(CLOSE.tooMany, toAppError(error).message);
      return;
    }
    this.#authorization = credentials.authorization;
    this.#adopt(principal);
    this.#say({
      type: 'ready',
      ...about,
      tenant_id: principal.tenantId,
      actor: { kind: principal.actor.kind, id: principal.actor.id },
      expires_at: principal.expiresAtMs === undefined ? null : new Date(principal.expiresAtMs).toISOString(),
      max_channels: this.#shared.limits.maxChannels,
    });
  }

  /** Who has these credentials; undefined when they are not good, and the connection is closed. */
  async #ask(credentials: Omit<Credentials, 'path'>, about: About): Promise<Principal | undefined> {
    const { authenticate, limiter, requestLimits } = this.#shared;
    const { path, ip } = this.#origin;
    try {
      const principal = await authenticate({ ...credentials, path });
      if (principal === undefined) throw new AppError('unauthenticated');
      return principal;
    } catch (error) {
      const meant = toAppError(error);
      const isRefused = meant.status === 401;
      // Guesses are counted by address, as those of ordinary requests are.
      const limited = isRefused && (await refusal(takeLimit(limiter, requestLimits, 'anonymous', addressKey(ip))));
      if (limited) {
        this.#refuse(about, limited);
        this.#close(CLOSE.tooMany, limited.message);
      } else if (isRefused) this.#refuseEntry(meant, about);
      else {
        this.#refuse(about, error);
        this.#close(CLOSE.tryLater, meant.message);
      }
      return undefined;
    }
  }

  #count(principal: Principal): Promise<void> {
    const { limiter, requestLimits } = this.#shared;
    return takeLimit(limiter, requestLimits, 'default', principalKey(principal));
  }

  #adopt(principal: Principal): void {
    const [from, to] = this.#shared.limits.recheckMs;
    this.#principal = principal;
    this.#recheckAtMs = performance.now() + from + Math.random() * (to - from);
    this.#following.attend();
  }

  #doubt(): void {
    if (this.#inDoubt || this.#closed) return;
    this.#inDoubt = true;
    this.#do({}, () => this.#recheck());
  }

  /**
   * A session, a key or a role of this caller ended, or may have: asks again who this is and what may be followed. What
   * may still be goes on where it was ended.
   */
  async #recheck(): Promise<void> {
    while (this.#inDoubt && !this.#closed) {
      const authorization = this.#authorization;
      if (authorization === undefined) {
        this.#refuseEntry(new AppError('unauthenticated', { message: 'Come back with a new ticket.' }));
        return;
      }
      this.#inDoubt = false;
      const principal = await this.#ask({ authorization }, {});
      if (principal === undefined || this.#closed) return;
      // Else something ended meanwhile: what is known now is too old.
      if (this.#inDoubt) continue;
      this.#adopt(principal);
      await this.#following.review();
    }
  }

  #createFollowing(socket: Socket): Following {
    const { hub, channels, onDenied, operationId, limits } = this.#shared;
    return new Following({
      ...{ hub, channels, onDenied, operationId, socket, maxChannels: limits.maxChannels },
      isClosed: () => this.#closed,
      principal: () => this.#known(),
      ctx: () => this.#ctx(this.#known()),
      doubt: () => this.#doubt(),
      isInDoubt: () => this.#inDoubt,
      ask: () => this.#recheck(),
      sink: (frame) => this.#write(frame),
      say: (message) => this.#say(message),
      told: (error) => this.#told(error),
      onSlow: () => this.#close(CLOSE.slow, TOO_SLOW),
      onStopping: () => this.stop(),
      onLost: (error) => {
        this.#refuse({}, error);
        this.#close(CLOSE.tryLater, 'come back with your cursors');
      },
    });
  }

  #known(): Principal {
    if (this.#principal === undefined)
      throw new AppError('unauthenticated', { message: 'Say first who you are: {"type":"auth","token":"…"}.' });
    return this.#principal;
  }

  #ctx({ tenantId, actor, roles, permissions }: Principal): Ctx {
    const { requestId, trace } = this.#origin;
    return { tenantId, actor, roles, permissions, requestId, trace, signal: this.#shared.signal };
  }

  // What it is told

  /** Sends what is shared by all who follow. False: too much waits already. */
  #write(frame: Buffer): boolean {
    if (this.#closed) return true;
    if (this.#ws.bufferedAmount > this.#shared.limits.maxQueuedBytes) return false;
    this.#ws.send(frame, AS_TEXT);
    this.#shared.metrics.sent();
    return true;
  }

  #say(message: object): void {
    if (this.#closed) return;
    if (this.#ws.bufferedAmount > this.#shared.limits.maxQueuedBytes) {
      this.#close(CLOSE.slow, TOO_SLOW);
      return;
    }
    this.#ws.send(JSON.stringify(message));
    this.#shared.metrics.sent();
  }

  #refuse(about: About, error: unknown): void {
    this.#say({ type: 'error', ...about, error: this.#told(error) });
  }

  /** In the one shape of our errors. What is our fault is logged. */
  #told(error: unknown): object {
    const { code, message, type, details, status, cause } = toAppError(error);
    const { requestId } = this.#origin;
    if (status >= 500)
      this.#shared.log.error('A message of a WebSocket failed', {
        ...{ request_id: requestId, tenant_id: this.#principal?.tenantId, code, error: cause ?? error },
      });
    return { code, message, type, details: details ?? null, request_id: requestId };
  }

  #refuseEntry(error: AppError, about: About = {}): void {
    this.#refuse(about, error);
    this.#close(CLOSE.unauthenticated, error.message);
  }

  // Its end

  #close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#release();
    this.#closeCode = code;
    this.#ws.close(code, shortened(reason));
  }

  #gone(code: number): void {
    this.#release();
    const { metrics, log } = this.#shared;
    const ended = this.#closeCode ?? code;
    metrics.closed(ended);
    log.info('socket closed', {
      request_id: this.#origin.requestId,
      tenant_id: this.#principal?.tenantId,
      actor_id: this.#principal?.actor.id,
      trace_id: this.#origin.trace.traceId,
      code: ended,
      duration_ms: Math.round(performance.now() - this.#openedMs),
    });
    this.#doorkeeper.gone();
  }

  #release(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#following.close();
    this.#tasks.length = 0;
    this.#doorkeeper.leave();
  }
}

const TOO_SLOW = 'too slow; resume from your cursors';

/** A close frame has room for 123 bytes (RFC 6455, section 5.5). */
function shortened(reason: string): string {
  let short = reason.slice(0, 123);
  while (Buffer.byteLength(short) > 123) short = short.slice(0, -1);
  return short.toWellFormed();
}

const tooFast = (perSecond: number): AppError =>
  new AppError('rate_limited', { message: `Send at most ${perSecond} messages a second; this one was not read.` });

/** What refuses; undefined when nothing does. */
async function refusal(limit: Promise<void>): Promise<AppError | undefined> {
  try {
    await limit;
    return undefined;
  } catch (error) {
    return toAppError(error);
  }
}
