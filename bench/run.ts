import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, totalmem } from 'node:os';
import { killPicture, type Setting, type Sides, withKillTable } from './support/picture.ts';
import { isAhead } from './support/process.ts';
import { asMarkdown, asText, type Recorded, recorded } from './support/table.ts';
import type { Target } from './support/targets.ts';

/**
 * `make bench` runs every scenario, `make bench B=turns` one; each result is printed and kept in `bench/results/`, and the
 * table of all that is kept there after them. `B=table` prints that table alone.
 */
const here = import.meta.dirname;
const TABLE = 'table';
const known = readdirSync(`${here}/scenarios`).map((file) => file.replace(/\.ts$/, ''));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => name !== TABLE && !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`No scenario ${unknown.join(', ')}; there are: ${[...known, TABLE].join(', ')}\n`);
  process.exit(64);
}

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memory_gib: Math.round(totalmem() / 2 ** 30),
  platform: `${platform()} ${arch()}`,
  node: process.version,
};

for (const name of wanted.length > 0 ? wanted : known) {
  if (name === TABLE) continue;
  const { run } = (await import(`./scenarios/${name}.ts`)) as {
    run(): Promise<Record<string, unknown> & { targets: readonly Target[] }>;
  };
  // What else was going on: with more than there are cores, times are those of a busy machine.
  const others = { load_before: Math.round((loadavg()[0] ?? 0) * 10) / 10, ahead_of_them: isAhead() };
  const result = { scenario: name, at: new Date().toISOString(), machine, ...others, ...(await run()) };
  const text = `${JSON.stringify(result, null, 2)}\n`;
  writeFileSync(`${here}/results/${name}.json`, text);
  process.stdout.write(text);
}
const all = recorded(`${here}/results`);
const kills = all.find(({ scenario }) => scenario === 'kills') as (Recorded & Setting & { sides: Sides }) | undefined;
if (kills) {
  const page = `${here}/../docs/kill-table.md`;
  const setting = { ...kills, load: `${kills.load_before ?? 'not known'}` };
  writeFileSync(`${here}/../docs/images/kills.svg`, killPicture(kills.sides, kills));
  writeFileSync(page, withKillTable(readFileSync(page, 'utf8'), kills.sides, setting));
}
writeFileSync(`${here}/results/README.md`, asMarkdown(all));
process.stdout.write(`\n${asText(all)}`);
