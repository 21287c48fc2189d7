import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { connect } from '../connect.ts';
import { compare, type Fault } from '../verdict.ts';

const POLL_MS = 50;

/** Every row that ever came into the outbox, as the outbox numbered it; the sequencer never sees this copy. */
const COPY = `
  create schema chaos;
  create table chaos.copies (seq bigint primary key, id uuid not null);
  create function chaos.copy() returns trigger language plpgsql security definer as $$
  begin
    insert into chaos.copies values (new.seq, new.id);
    return null;
  end $$;
  create trigger chaos_copy after insert on outbox for each row execute function chaos.copy()`;

/**
 * The relay that must fail: it reads above the last number that it saw. Numbers are given out at the insert and seen at the
 * commit, so whatever commits late is passed over. Beside it the same rows are the measure of the product's own log.
 */
export class NaiveRelay implements AsyncDisposable {
  readonly #url: string;
  readonly #over = new AbortController();
  readonly #seen = new Set<string>();
  readonly #running: Promise<void>;
  #last = 0;

  private constructor(url: string) {
    this.#url = url;
    this.#running = this.#run();
  }

  /** Before anybody writes. */
  static async start(databaseUrl: string): Promise<NaiveRelay> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(COPY);
    await client.end();
    return new NaiveRelay(databaseUrl);
  }

  /** Resolves when it has read above every number given out until now: what is not committed by then, it will not see. */
  async passed(withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    const newest = await this.#newest().catch(() => 0);
    while (this.#last <= newest && Date.now() < deadline) await delay(POLL_MS);
  }

  async #newest(): Promise<number> {
    await using db = await connect(this.#url);
    const { rows } = await db.client.query<{ last_value: string }>(
      `select last_value from pg_sequences where sequencename = 'outbox_seq_seq'`,
    );
    return Number(rows[0]?.last_value);
  }

  /** Ends it, when it has read what there is. `lost`: what it never saw; `faults`: what is wrong in the log itself. */
  async judge(db: pg.Client): Promise<{ lost: number; written: number; faults: Fault[] }> {
    await this[Symbol.asyncDispose]();
    await this.#read(db);
    const { rows: copies } = await db.query<{ id: string }>('select id from chaos.copies order by seq');
    const { rows: logged } = await db.query<{ id: string }>(
      'select e.id from events e join chaos.copies c on c.id = e.id order by c.seq',
    );
    const ids = copies.map(({ id }) => id);
    return {
      written: ids.length,
      lost: ids.filter((id) => !this.#seen.has(id)).length,
      faults: compare(
        ids,
        logged.map(({ id }) => id),
        { what: 'committed events in the log' },
      ),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const client = new pg.Client({ connectionString: this.#url });
      client.on('error', () => {});
      try {
        await client.connect();
        while (!signal.aborted) {
          await this.#read(client);
          await delay(POLL_MS);
        }
      } catch {
        // The database is on its way up again.
        await delay(POLL_MS);
      } finally {
        await client.end().catch(() => {});
      }
    }
  }

  async #read(client: pg.Client): Promise<void> {
    const { rows } = await client.query<{ seq: string; id: string }>(
      'select seq, id from chaos.copies where seq > $1 order by seq',
      [this.#last],
    );
    for (const { id } of rows) this.#seen.add(id);
    this.#last = Number(rows.at(-1)?.seq ?? this.#last);
  }
}
