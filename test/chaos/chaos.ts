import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '@parley/sdk';
import pg from 'pg';
import { type Random, seededRandom } from '../../src/modules/models/rehearsal/random.ts';
import { type Cast, discussionNo, enrol, NAMES } from './discussions.ts';
import { judge } from './oracle.ts';
import { type Actor, follow, persistently, say, takePart, type Watched } from './people.ts';
import { ChaosProvider } from './provider.ts';
import { Victim } from './victim.ts';

export type Plan = {
  readonly seed: number;
  readonly kills: number;
  /** How many discussions run at any moment, as long as there is killing to be done. */
  readonly discussions: number;
  readonly turns: number;
  /** Milliseconds between two pieces of an answer, at most. */
  readonly gapMs: number;
  /** Milliseconds between a recovery and the next kill, at most. */
  readonly calmMs: number;
  /** Everything must be over by then. */
  readonly deadlineMs: number;
  readonly tell?: (line: string) => void;
};

export type Outcome = {
  readonly discussions: number;
  readonly messages: number;
  readonly acknowledged: number;
  readonly events: number;
  readonly answers: number;
  readonly killed: { readonly server: number; readonly database: number };
  /** Starts that ended because the database was killed under them. */
  readonly startsGivenUp: number;
  /** Milliseconds from each kill until the server answered from its database again. */
  readonly recoveriesMs: readonly number[];
  /** What was lost, doubled, out of order, or did not end. */
  readonly faults: readonly string[];
};

/** Runs discussions of every policy, kills the server and its database at random moments, and judges what is left. */
export async function chaos(plan: Plan): Promise<Outcome> {
  const random = seededRandom(plan.seed);
  await using provider = new ChaosProvider({ random: seededRandom(plan.seed + 1), names: NAMES, gapMs: plan.gapMs });
  const baseUrl = await provider.start();
  await using victim = await Victim.start({ OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: 'chaos' });
  const { parley, cast } = await enrol(victim.url, 'openai/gpt-5-mini');
  const signal = AbortSignal.timeout(plan.deadlineMs);
  const crowd = new Crowd({ parley, random, signal }, { plan, cast, url: victim.url });
  crowd.begin();
  const killing = kill(victim, { plan, random, signal });
  const recoveries = await killing.finally(() => crowd.close());
  const watched = await crowd.over();
  await using db = await connect(victim.databaseUrl);
  const faults: string[] = [];
  for (const one of watched) faults.push(...(await judge(db.client, one, provider.answers)));
  const { rows } = await db.client.query<{ count: string }>(
    'select count(*) from discussion_entries where seq is not null',
  );
  return {
    discussions: watched.length,
    messages: Number(rows[0]?.count),
    acknowledged: watched.reduce((sum, one) => sum + one.acknowledged.length, 0),
    events: watched.reduce((sum, one) => sum + one.logged.length, 0),
    answers: provider.answers.size,
    ...recoveries,
    startsGivenUp: victim.startsGivenUp,
    faults: [...crowd.faults, ...faults],
  };
}

/** Keeps a number of discussions going, and gathers those that are over. */
class Crowd {
  readonly faults: string[] = [];
  readonly #actor: Actor;
  readonly #about: { readonly plan: Plan; readonly cast: Cast; readonly url: string };
  readonly #watched: Watched[] = [];
  readonly #places: Promise<void>[] = [];
  #made = 0;
  #closed = false;

  constructor(actor: Actor, about: { plan: Plan; cast: Cast; url: string }) {
    this.#actor = actor;
    this.#about = about;
  }

  begin(): void {
    for (let place = 0; place < this.#about.plan.discussions; place++) this.#places.push(this.#place());
  }

  /** No further ones. */
  close(): void {
    this.#closed = true;
  }

  /** Resolves when every one is over. */
  async over(): Promise<Watched[]> {
    await Promise.all(this.#places);
    return this.#watched;
  }

  async #place(): Promise<void> {
    do {
      try {
        await this.#one(this.#made++);
      } catch (error) {
        const fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#about.plan.tell?.(fault);
        this.faults.push(fault);
        return;
      }
    } while (!this.#closed);
  }

  async #one(number: number): Promise<void> {
    const { parley, signal } = this.#actor;
    const { plan, cast, url } = this.#about;
    const idempotencyKey = crypto.randomUUID();
    const input = discussionNo(number, cast, plan.turns);
    const discussion = await persistently(signal, () =>
      parley.discussions.create(input, { idempotencyKey, maxRetries: 0 }),
    );
    const watched: Watched = { discussion, logged: [], heard: new Map(), acknowledged: [], faults: [] };
    this.#watched.push(watched);
    const guest = discussion.participants.find(({ kind }) => kind === 'seat');
    const key = guest && (await persistently(signal, () => parley.discussions.issueSeatKey(discussion.id, guest.id)));
    const seat = key && new Parley({ baseUrl: `${url}/api/v1`, apiKey: key.key });
    const over = new AbortController();
    const acting = { ...this.#actor, signal: AbortSignal.any([signal, over.signal]) };
    const people = Promise.all([takePart(acting, watched, seat), this.#interject(acting, watched)]).catch((error) => {
      if (over.signal.aborted) return;
      over.abort();
      throw error;
    });
    await Promise.all([follow(parley, watched, acting.signal).finally(() => over.abort()), people]);
  }

  /** Somebody from the gallery, now and then. */
  async #interject(actor: Actor, watched: Watched): Promise<void> {
    for (let number = 1; ; number++) {
      await delay(500 + actor.random() * 4_000, undefined, { signal: actor.signal });
      await say(actor, watched, { content: `${watched.discussion.id}/gallery-${number}` }).catch((error) => {
        if (!/409/.test(String((error as { status?: number }).status))) throw error;
      });
    }
  }
}

async function kill(
  victim: Victim,
  { plan, random, signal }: { plan: Plan; random: Random; signal: AbortSignal },
): Promise<Pick<Outcome, 'killed' | 'recoveriesMs'>> {
  const killed = { server: 0, database: 0 };
  const recoveriesMs: number[] = [];
  for (let number = 1; number <= plan.kills; number++) {
    await delay(random() * plan.calmMs, undefined, { signal });
    const since = performance.now();
    const what = random() < 0.3 ? 'database' : 'server';
    if (what === 'database') victim.killDatabase();
    else await victim.killServer();
    killed[what] += 1;
    if (number % 10 === 0) plan.tell?.(`${number} of ${plan.kills} kills`);
    // One in five is killed again while it is still getting up.
    if (random() < 0.2) continue;
    await victim.recovered();
    recoveriesMs.push(performance.now() - since);
  }
  await victim.recovered();
  return { killed, recoveriesMs };
}

async function connect(connectionString: string): Promise<AsyncDisposable & { client: pg.Client }> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
