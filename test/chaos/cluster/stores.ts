import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { locateRedis, type RedisServer, startRedis } from '../../../scripts/testing/redis.ts';
import { chooseRunner } from '../../../src/platform/db/binaries.ts';
import { clusterPaths } from '../../../src/platform/db/cluster.ts';
import { createEmbedded, type Embedded } from '../../../src/platform/db/embedded.ts';
import { FaultProxy } from './proxy.ts';

/**
 * A PostgreSQL and a Redis of one run alone, to be killed and brought back. Commits reach the operating system before
 * they are acknowledged, so that `kill -9` loses nothing; only a power cut would.
 */
export class Stores implements AsyncDisposable {
  readonly #folder: string;
  readonly #postgres: Embedded;
  #redis: RedisServer;

  private constructor(folder: string, postgres: Embedded, redis: RedisServer) {
    this.#folder = folder;
    this.#postgres = postgres;
    this.#redis = redis;
  }

  static async start(onLost: (error: Error) => void): Promise<Stores> {
    const file = locateRedis();
    if (!file) throw new Error('There is no redis-server on this machine');
    const folder = await mkdtemp(join(tmpdir(), 'parley-chaos-'));
    const settings = { fsync: 'off', full_page_writes: 'off', max_connections: 300 };
    const postgres = createEmbedded({ dataDir: folder, settings, onLost });
    const redis = await startRedis(file);
    const stores = new Stores(folder, postgres, redis);
    try {
      await postgres.start();
      return stores;
    } catch (error) {
      await stores[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Past every proxy, for the oracle. */
  get databaseUrl(): string {
    return this.#postgres.url;
  }

  /** A wire of one process to the database. */
  postgresWire(): Promise<FaultProxy> {
    return FaultProxy.start({ path: join(this.#paths.socketDir, '.s.PGSQL.5432') });
  }

  /** A wire of one process to Redis. */
  redisWire(): Promise<FaultProxy> {
    return FaultProxy.start({ host: '127.0.0.1', port: this.#redis.port });
  }

  /** `kill -9` of the database's first process; it is brought back at once, as a supervisor would. */
  killPostgres(): void {
    const pid = Number.parseInt(readFileSync(join(this.#paths.data, 'postmaster.pid'), 'utf8'), 10);
    if (pid > 1) process.kill(pid, 'SIGKILL');
  }

  async flushRedis(): Promise<void> {
    const client = new Redis(this.#redis.url, { maxRetriesPerRequest: 1 });
    await client.flushall();
    client.disconnect();
  }

  /** Ends it with everything in it, and starts an empty one in its place. */
  async restartRedis(): Promise<void> {
    const { port } = this.#redis;
    await this.#redis.kill();
    this.#redis = await startRedis(locateRedis() as string, { port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#postgres.stop(10_000), this.#redis.stop()]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #paths() {
    return clusterPaths(this.#folder, chooseRunner());
  }
}
