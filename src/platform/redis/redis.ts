import { Redis as Client, type RedisOptions } from 'ioredis';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { redisOptions } from './address.ts';

export type RedisClient = Client;
export type RedisState = 'connected' | 'disconnected';

/**
 * Redis as Parley uses it: fast and forgetful. Whatever is in it may vanish at any moment, and it may be away for hours:
 * nothing is lost, doubled or seen by a client. So every caller has something to do when a command fails.
 */
export interface Redis extends Service {
  /**
   * For everything that does not block. Commands of one turn of the event loop travel together. They fail at once while
   * Redis is away, and after a second when it hangs.
   */
  readonly commands: Client;
  /** One more connection, for blocking reads and subscriptions. It comes back by itself; closed with the others. */
  connection(name: string): Client;
  state(): RedisState;
  /** Asks Redis itself: for readiness. */
  probe: () => Promise<RedisState>;
  /** A key of this installation. After `start`. */
  key(...parts: readonly (string | number)[]): string;
  /** A key that others may know of: the same for whatever database is behind it. */
  publicKey(...parts: readonly (string | number)[]): string;
  /** Calls `listener` when Redis has gone away, and when it is back. Answers how to stop. */
  onState(listener: (state: RedisState) => void): () => void;
}

export type RedisDeps = {
  /** `redis:` or `rediss:`. */
  readonly url: string;
  /** What all keys begin with. */
  readonly prefix: string;
  /** What tells this installation from others on the same Redis; asked once, at the start. */
  readonly namespace: () => Promise<string>;
  readonly log: Logger;
  readonly metrics?: Metrics;
};

/** A server that says nothing for so long is taken for dead, and the connection is made anew. */
const SILENCE_MS = 1_000;
/** The same for connections on which commands may block for a second. */
const BLOCKED_SILENCE_MS = 3_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RETRY_MS = 100;
const MAX_RETRY_MS = 1_000;

export const createRedis = (deps: RedisDeps): Redis => new RedisConnections(deps);

class RedisConnections implements Redis {
  readonly name = 'redis';
  readonly commands: Client;
  readonly #d: RedisDeps;
  readonly #log: Logger;
  readonly #options: RedisOptions;
  readonly #connections = new Set<Client>();
  readonly #listeners = new Set<(state: RedisState) => void>();
  #namespace: string | undefined;
  #state: RedisState = 'disconnected';
  #lastError: unknown;
  #stopped = false;

  constructor(deps: RedisDeps) {
    this.#d = deps;
    this.#log = deps.log.child('redis');
    this.#options = { ...redisOptions(deps.url), ...common };
    this.commands = this.#open('commands', {
      enableAutoPipelining: true,
      // The cache puts its keys together by itself: a pipeline about one command only costs.
      autoPipeliningIgnoredCommands: ['mget'],
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      socketTimeout: SILENCE_MS,
    });
    this.commands.on('ready', () => this.#become('connected'));
    this.commands.on('close', () => this.#become('disconnected'));
    deps.metrics?.gauge({
      name: 'redis_connected',
      help: '1 while Redis answers this process, 0 while it goes on without it.',
      collect: (gauge) => gauge.set(this.#state === 'connected' ? 1 : 0),
    });
  }

  /** Does not fail where Redis is away: the process starts, says so, and goes on without it. */
  async start(): Promise<void> {
    if (this.#stopped || this.#namespace !== undefined) return;
    this.#namespace = await this.#d.namespace();
    if (this.#stopped) return;
    await this.commands.connect().catch((error: unknown) => {
      this.#log.warn('Redis does not answer; going on without it', { error: this.#lastError ?? error });
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    // What has been written is sent still; a server that does not answer is not waited for longer than the silence.
    if (this.#state === 'connected') await this.commands.quit().catch(() => {});
    for (const client of this.#connections) client.disconnect();
    this.#become('disconnected');
  }

  connection(name: string): Client {
    const client = this.#open(name, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      socketTimeout: BLOCKED_SILENCE_MS,
    });
    if (this.#stopped) return client;
    client.connect().catch(() => {});
    return client;
  }

  state(): RedisState {
    return this.#state;
  }

  probe = async (): Promise<RedisState> => {
    // Probes come before the start, too; a command would begin to connect, and the start find that somebody does already.
    if (this.#namespace === undefined) return 'disconnected';
    return this.commands.ping().then(
      () => 'connected' as const,
      () => 'disconnected' as const,
    );
  };

  key(...parts: readonly (string | number)[]): string {
    if (this.#namespace === undefined) throw new Error('Redis has not been started');
    return `${this.#d.prefix}:${this.#namespace}:${parts.join(':')}`;
  }

  publicKey(...parts: readonly (string | number)[]): string {
    return `${this.#d.prefix}:${parts.join(':')}`;
  }

  onState(listener: (state: RedisState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #open(name: string, options: RedisOptions): Client {
    const client = new Client({ ...this.#options, ...options, connectionName: `parley-${name}` });
    // Unheard, the event would end the process; each command fails by itself, and `close` tells the state.
    client.on('error', (error: unknown) => {
      this.#lastError = error;
    });
    client.on('end', () => this.#connections.delete(client));
    this.#connections.add(client);
    return client;
  }

  #become(state: RedisState): void {
    if (this.#state === state) return;
    this.#state = state;
    if (!this.#stopped) {
      if (state === 'connected') this.#log.info('Redis answers');
      else this.#log.warn('Redis has gone away; going on without it', { error: this.#lastError });
    }
    for (const listener of this.#listeners) listener(state);
  }
}

const common: RedisOptions = {
  lazyConnect: true,
  // The older protocol: its replies have the same shape on every server.
  protocol: 2,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: 10_000,
  autoResendUnfulfilledCommands: false,
  // Who subscribes does so at each `ready`: ioredis' own way leaves a rejection that nobody hears, which ends the process.
  autoResubscribe: false,
  // Doubling, with some jitter: all processes notice the same failure at once.
  retryStrategy: (times) =>
    Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(times - 1, 10)) * (0.75 + Math.random() / 2),
  // After a fail-over the address may still lead to the one that only reads now.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
};
