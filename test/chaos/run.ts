/**
 * `make chaos`: the long form. SEED=n repeats what another run did as far as chance goes; KILLS=n says how often.
 * Ends with a table, and with 1 when anything was lost, doubled, out of order or did not end.
 */
import { chaos } from './chaos.ts';

const number = (name: string, otherwise: number): number => {
  const value = Number(process.env[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} must be a whole number`);
  return value;
};
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const seed = number('SEED', Date.now() % 1_000_000);
const kills = number('KILLS', 200);
const since = performance.now();
print(`make chaos: seed ${seed}, ${kills} kills, 50 discussions at once`);
const outcome = await chaos({
  seed,
  kills,
  discussions: 50,
  turns: 12,
  // A turn that three processes died with is given up, as it should be: turns are short against the time between kills.
  gapMs: 40,
  calmMs: 3_000,
  deadlineMs: 60_000 + kills * 15_000,
  tell: print,
});

const { killed, recoveriesMs, faults } = outcome;
const sorted = [...recoveriesMs].sort((a, b) => a - b);
const at = (share: number) => `${((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) / 1_000).toFixed(2)} s`;
print(
  `kills        ${killed.server} of the server, ${killed.database} of its database; ${outcome.startsGivenUp} starts gave up over it`,
);
print(`back in      p50 ${at(0.5)}, p95 ${at(0.95)}, at most ${at(1)}`);
print(`discussions  ${outcome.discussions}`);
print(`messages     ${outcome.messages}, of which ${outcome.acknowledged} were posted and acknowledged`);
print(`events       ${outcome.events} seen by their readers; ${outcome.answers} answers of the provider`);
print(`took         ${((performance.now() - since) / 1_000).toFixed(0)} s`);
print(
  `wrong        ${faults.length === 0 ? 'nothing: 0 lost, 0 doubled, 0 out of order, all complete' : faults.length}`,
);
for (const fault of faults.slice(0, 50)) print(`  ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;
