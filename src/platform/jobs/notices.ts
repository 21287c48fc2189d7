import type pg from 'pg';
import { isUuid } from '../../lib/ids.ts';
import { connect } from '../db/connection.ts';
import { SYSTEM_ROLE } from '../db/roles.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/log.ts';
import { NOTICES } from './sql.ts';

type Listener = {
  /** These jobs were taken back by somebody, here or in another process. A hint: the database knows. */
  takenBack(jobIds: readonly string[]): void;
  /** Some may have been missed. */
  missed(): void;
};

/** What processes on one database tell one another at once, and would find out by themselves a little later. */
export interface Notices extends Service {
  /** Tells all processes that these jobs were taken back. Call it after the commit; never waits, never throws. */
  tell(jobId: string): void;
  /** Answers how to stop listening. */
  listen(listener: Listener): () => void;
}

const RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;
/** A payload is 8,000 bytes at most. */
const MAX_IDS = 200;
/** Told while one message is on its way. More than that is found by the poll. */
const MAX_WAITING = 10_000;

/**
 * `NOTIFY`, on one connection of each process, beside all transactions: inside of one it would take a lock that all
 * commits of the server wait for (2.6 s at 1,000 events/s: measured). Stopping a job is rare, so the lock that a message
 * takes by itself is of no weight; those that come while one is on its way travel together.
 */
export function createNotices({ url, log }: { url: string; log: Logger }): Notices {
  return new PgNotices(url, log.child('notices'));
}

class PgNotices implements Notices {
  readonly name = 'notices';
  readonly #url: string;
  readonly #log: Logger;
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Set<string>();
  #client: pg.Client | undefined;
  #connecting: Promise<void> | undefined;
  #sending: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;

  constructor(url: string, log: Logger) {
    this.#url = url;
    this.#log = log;
  }

  async start(): Promise<void> {
    if (!this.#stopped && !this.#client) await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await Promise.all([this.#connecting, this.#sending]);
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  tell(jobId: string): void {
    if (this.#stopped || !this.#client || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.add(jobId);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #send(): Promise<void> {
    while (this.#client && this.#waiting.size > 0) {
      const ids = [...this.#waiting].slice(0, MAX_IDS);
      for (const id of ids) this.#waiting.delete(id);
      try {
        await this.#client.query(NOTICES.send, [NOTICES.channel, ids.join(',')]);
      } catch (error) {
        this.#log.debug('could not tell others of jobs that were taken back', { error });
      }
    }
    this.#waiting.clear();
  }

  #connect(): Promise<void> {
    this.#connecting ??= this.#tryConnect()
      // Without it, all goes on a little later: no reason not to start.
      .catch((error: unknown) => this.#again(error))
      .finally(() => {
        this.#connecting = undefined;
      });
    return this.#connecting;
  }

  async #tryConnect(): Promise<void> {
    const client = await connect(this.#url, { applicationName: 'parley notices', role: SYSTEM_ROLE });
    client.on('notification', ({ payload = '' }) => this.#hear(payload));
    client.once('end', () => this.#lost(client));
    try {
      await client.query(NOTICES.listen);
    } catch (error) {
      await client.end();
      throw error;
    }
    if (this.#stopped) return client.end();
    this.#client = client;
    this.#failures = 0;
    for (const { missed } of this.#listeners) missed();
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#again(undefined);
  }

  #again(error: unknown): void {
    if (this.#stopped) return;
    this.#failures += 1;
    this.#log.info('not connected for notices of other processes', { error });
    this.#retry = setTimeout(() => void this.#connect(), Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (this.#failures - 1)));
  }

  #hear(payload: string): void {
    const ids = payload.split(',').filter(isUuid);
    if (ids.length > 0) for (const { takenBack } of this.#listeners) takenBack(ids);
  }
}
