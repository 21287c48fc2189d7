/**
 * `make chaos`: the long form. SCENARIO=cluster (the default) breaks everything between two processes of each role,
 * `same-order` does so while sixteen clients at once send each order, `discussions` kills one server and its packaged
 * database. SEED=n repeats what another run did as far as chance goes, SEEDS=1..10 runs one after the other and ends with a
 * table; KILLS=n says how often, ROUNDS=n how many orders; LOGS=folder keeps what each process says. Ends with 1 when
 * anything was lost, doubled, out of order or did not end.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chaos } from './chaos.ts';
import { BOUNDARIES } from './cluster/boundaries.ts';
import { type ClusterOutcome, type ClusterPlan, clusterChaos } from './cluster/cluster.ts';
import { faultLines, recoveryLines, spread, table } from './report.ts';
import { counted, type Fault, WRONGS } from './verdict.ts';

const number = (name: string, otherwise: number): number => {
  const value = Number(process.env[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} must be a whole number`);
  return value;
};
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const SCENARIOS = { cluster, 'same-order': sameOrder, discussions };
const outcomes: { seed: number; outcome: ClusterOutcome }[] = [];
for (const name of (process.env.SCENARIO ?? 'cluster').split(',')) {
  const scenario = Object.entries(SCENARIOS).find(([known]) => known === name)?.[1];
  if (scenario === undefined) throw new Error(`SCENARIO is one of ${Object.keys(SCENARIOS).join(', ')}`);
  for (const seed of seeds()) {
    const since = performance.now();
    const faults = await scenario(seed);
    print(`took         ${((performance.now() - since) / 1_000).toFixed(0)} s`);
    const counts = counted(faults);
    print(`wrong        ${WRONGS.map((wrong) => `${counts[wrong]} ${wrong}`).join(', ')}\n`);
    for (const line of faultLines(faults)) print(line);
    if (faults.length > 0) process.exitCode = 1;
  }
}
if (outcomes.length > 1) {
  for (const line of table(outcomes)) print(line);
  const recoveries = outcomes.flatMap(({ outcome }) => outcome.recoveries);
  print(`\nall of them, back in ${spread(recoveries.map(({ ms }) => ms))}`);
  for (const line of recoveryLines(recoveries)) print(line);
}

/** SEEDS=1..10 or 3,5,8; else SEED, or any. */
function seeds(): readonly number[] {
  const wanted = process.env.SEEDS;
  if (wanted === undefined) return [number('SEED', Date.now() % 1_000_000)];
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(wanted) ?? [];
  const all =
    from === undefined
      ? wanted.split(',').map(Number)
      : Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => Number(from) + index);
  if (all.length === 0 || !all.every(Number.isInteger)) throw new Error('SEEDS is like 1..10, or 3,5,8');
  return all;
}

async function cluster(seed: number): Promise<readonly Fault[]> {
  const kills = number('KILLS', 40);
  print(`make chaos: two api and two workers, seed ${seed}, ${kills} mishaps and ${BOUNDARIES.length} named steps`);
  return runCluster({
    ...{ seed, kills, processes: 2, tenants: 3, discussions: 8, turns: 10, gapMs: 40, calmMs: 1_000 },
    shop: { buyers: 3, crowds: 2, rounds: 100, pauseMs: 300, crowdPauseMs: 1_500 },
    steps: BOUNDARIES.map(({ name }) => name),
    untilOrdered: false,
    poison: true,
    stepMs: 6_000,
    sabotageMs: 30_000,
    deadlineMs: 120_000 + (kills + 2 * BOUNDARIES.length) * 30_000,
  });
}

/** Sixteen clients, each order, so many orders, with mishaps between from the first to the last. */
async function sameOrder(seed: number): Promise<readonly Fault[]> {
  const rounds = number('ROUNDS', 2_000);
  print(`make chaos: ${rounds} orders, each from sixteen clients at once, seed ${seed}`);
  return runCluster({
    ...{ seed, kills: 0, processes: 2, tenants: 1, discussions: 0, turns: 0, gapMs: 0, calmMs: 2_000 },
    shop: { buyers: 0, crowds: 4, rounds, pauseMs: 0, crowdPauseMs: 0 },
    steps: [],
    untilOrdered: true,
    poison: false,
    stepMs: 6_000,
    sabotageMs: 30_000,
    deadlineMs: 600_000 + rounds * 1_000,
  });
}

async function runCluster(plan: Omit<ClusterPlan, 'tell' | 'logs'>): Promise<readonly Fault[]> {
  const logs = process.env.LOGS && join(process.env.LOGS, `seed-${plan.seed}`);
  if (logs) mkdirSync(logs, { recursive: true });
  const outcome = await clusterChaos({ ...plan, tell: print, logs });
  outcomes.push({ seed: plan.seed, outcome });
  const { recoveries, naive, missed } = outcome;
  for (const line of recoveryLines(recoveries)) print(line);
  if (missed.length > 0) print(`not reached  ${missed.join('; ')}`);
  print(`back in      ${spread(recoveries.map(({ ms }) => ms))}; ${outcome.startsGivenUp} starts gave up`);
  print(`orders       ${outcome.orders}, ${outcome.rounds} of them from sixteen clients at once`);
  print(`outside      ${outcome.charges} requests for payments, ${outcome.delivered} events taken from webhooks`);
  print(`discussions  ${outcome.discussions}; ${outcome.acknowledged} answers acknowledged`);
  print(`events       ${outcome.events} seen by readers of discussions; ${outcome.requeued} put aside and requeued`);
  print(
    `naive relay  lost ${naive.lost} of ${naive.written} committed events; the log has them all, once, unless said`,
  );
  return outcome.faults;
}

/** Turns that three processes died with are given up, as they should be: they are short against the time between kills. */
async function discussions(seed: number): Promise<readonly Fault[]> {
  const kills = number('KILLS', 200);
  print(`make chaos: one server, seed ${seed}, ${kills} kills, 50 discussions at once`);
  const outcome = await chaos({
    ...{ seed, kills, discussions: 50, turns: 12, gapMs: 40, calmMs: 3_000 },
    deadlineMs: 60_000 + kills * 15_000,
    tell: print,
  });
  const { killed } = outcome;
  print(
    `kills        ${killed.server} of the server, ${killed.database} of its database; ${outcome.startsGivenUp} starts gave up over it`,
  );
  print(`back in      ${spread(outcome.recoveriesMs)}`);
  print(`discussions  ${outcome.discussions}`);
  print(`messages     ${outcome.messages}, of which ${outcome.acknowledged} were posted and acknowledged`);
  print(`events       ${outcome.events} seen by their readers; ${outcome.answers} answers of the provider`);
  return outcome.faults;
}
