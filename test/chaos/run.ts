/**
 * `make chaos`: the long form. SCENARIO=discussions kills one server and its packaged database, SCENARIO=cluster breaks
 * everything between two processes of each role; both by default. SEED=n repeats what another run did as far as chance
 * goes; KILLS=n says how often. Ends with a table, and with 1 when anything was lost, doubled, out of order or did not end.
 */
import { chaos } from './chaos.ts';
import { BOUNDARIES } from './cluster/boundaries.ts';
import { clusterChaos } from './cluster/cluster.ts';

const number = (name: string, otherwise: number): number => {
  const value = Number(process.env[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} must be a whole number`);
  return value;
};
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const SCENARIOS = { discussions, cluster };
const wanted = process.env.SCENARIO ?? 'discussions,cluster';
const seed = number('SEED', Date.now() % 1_000_000);
for (const name of wanted.split(',')) {
  const scenario = Object.entries(SCENARIOS).find(([known]) => known === name)?.[1];
  if (scenario === undefined) throw new Error(`SCENARIO is one of ${Object.keys(SCENARIOS).join(', ')}`);
  const since = performance.now();
  const faults = await scenario();
  print(`took         ${((performance.now() - since) / 1_000).toFixed(0)} s`);
  print(
    `wrong        ${faults.length === 0 ? 'nothing: 0 lost, 0 doubled, 0 out of order, all complete' : faults.length}`,
  );
  for (const fault of faults.slice(0, 50)) print(`  ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
}

/** Turns that three processes died with are given up, as they should be: they are short against the time between kills. */
async function discussions(): Promise<readonly string[]> {
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
  printRecoveries(outcome.recoveriesMs);
  print(`discussions  ${outcome.discussions}`);
  print(`messages     ${outcome.messages}, of which ${outcome.acknowledged} were posted and acknowledged`);
  print(`events       ${outcome.events} seen by their readers; ${outcome.answers} answers of the provider`);
  return outcome.faults;
}

async function cluster(): Promise<readonly string[]> {
  const kills = number('KILLS', 60);
  print(`make chaos: two api and two workers, seed ${seed}, ${kills} mishaps and ${BOUNDARIES.length} named steps`);
  const outcome = await clusterChaos({
    ...{ seed, kills, processes: 2, tenants: 4, discussions: 16, turns: 10, gapMs: 40, calmMs: 1_000 },
    steps: BOUNDARIES.map(({ name }) => name),
    sabotageMs: 30_000,
    deadlineMs: 120_000 + (kills + 2 * BOUNDARIES.length) * 30_000,
    tell: print,
  });
  for (const [name, times] of Object.entries(outcome.mishaps).sort()) print(`  ${String(times).padStart(3)}  ${name}`);
  if (outcome.missed.length > 0) print(`not reached  ${outcome.missed.join('; ')}`);
  printRecoveries(outcome.recoveriesMs);
  print(`orders       ${outcome.orders}; the payment service was asked ${outcome.charges} times`);
  print(`discussions  ${outcome.discussions}; ${outcome.acknowledged} answers acknowledged`);
  print(`events       ${outcome.events} seen by their readers; ${outcome.requeued} put aside and requeued`);
  return outcome.faults;
}

function printRecoveries(recoveriesMs: readonly number[]): void {
  const sorted = [...recoveriesMs].sort((a, b) => a - b);
  const at = (share: number) => `${((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) / 1_000).toFixed(2)} s`;
  print(`back in      p50 ${at(0.5)}, p95 ${at(0.95)}, at most ${at(1)}`);
}
