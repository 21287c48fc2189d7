import { setTimeout as delay } from 'node:timers/promises';
import { type Random, seededRandom } from '../../src/modules/models/rehearsal/random.ts';
import { connect } from './connect.ts';
import { Crowd, type CrowdPlan } from './crowd.ts';
import { enrol, NAMES } from './discussions.ts';
import { judge } from './oracle.ts';
import { ChaosProvider } from './provider.ts';
import type { Fault } from './verdict.ts';
import { Victim } from './victim.ts';

export type Plan = CrowdPlan & {
  readonly seed: number;
  readonly kills: number;
  /** Milliseconds between two pieces of an answer, at most. */
  readonly gapMs: number;
  /** Milliseconds between a recovery and the next kill, at most. */
  readonly calmMs: number;
  /** Everything must be over by then. */
  readonly deadlineMs: number;
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
  readonly faults: readonly Fault[];
};

/** Runs discussions of every policy, kills the server and its database at random moments, and judges what is left. */
export async function chaos(plan: Plan): Promise<Outcome> {
  const random = seededRandom(plan.seed);
  await using provider = new ChaosProvider({ random: seededRandom(plan.seed + 1), names: NAMES, gapMs: plan.gapMs });
  const baseUrl = await provider.start();
  await using victim = await Victim.start({ OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: 'chaos' });
  const { parley, cast } = await enrol(victim.url, 'openai/gpt-5-mini');
  const over = new AbortController();
  // Whoever still waits for something when this has ended, or failed, must not keep the process.
  using leave = new DisposableStack();
  leave.defer(() => over.abort());
  const signal = AbortSignal.any([AbortSignal.timeout(plan.deadlineMs), over.signal]);
  const crowd = new Crowd({ parley, random, signal }, { plan, cast, url: victim.url });
  crowd.begin();
  const killing = kill(victim, { plan, random, signal });
  const recoveries = await killing.finally(() => crowd.close());
  const watched = await crowd.over();
  await using db = await connect(victim.databaseUrl);
  const faults: Fault[] = [];
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
