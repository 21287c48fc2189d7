/** `make gen` makes the generated files again; `make verify` says which differ from what would be made. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SETTINGS } from '../src/platform/config/env.ts';
import { node, run } from './lib/run.ts';
import { print, root } from './lib/say.ts';
import { errorsPage } from './reference/errors.ts';
import { brokenEvents, eventFiles, staleEventFiles } from './reference/events.ts';
import { eventsPage } from './reference/events-page.ts';
import { allMetrics, metricsPage, undocumentedMetrics } from './reference/metrics.ts';
import { configurationPage, envExample, undocumented } from './reference/settings.ts';

const verify = process.argv.includes('--verify');
const temporary = mkdtempSync(path.join(tmpdir(), 'parley-gen-'));
const faults = undocumented(SETTINGS).map((name) => `scripts/reference/settings.ts and env.ts differ about ${name}`);

try {
  keep('docs/reference/errors.md', errorsPage());
  keep('docs/reference/configuration.md', configurationPage());
  keep('.env.example', envExample());
  const openapi = await said(node('src/main.ts', 'openapi'));
  keep('contracts/openapi.json', openapi);
  keep('sdk/typescript/src/gen/openapi.ts', await sdkTypes(openapi));
  const events = eventFiles(await said(node('src/main.ts', 'contracts')));
  for (const [file, text] of events) keep(file, text);
  keep('docs/reference/events.md', eventsPage(events));
  for (const file of staleEventFiles(events)) drop(file);
  faults.push(...(await brokenEvents(events)));
  const metrics = await allMetrics();
  keep('docs/reference/metrics.md', metricsPage(metrics));
  faults.push(
    ...undocumentedMetrics(metrics).map((name) => `scripts/reference/metrics.ts and the program differ about ${name}`),
  );
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
for (const fault of faults) print(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

function keep(file: string, text: string): void {
  const where = path.join(root, file);
  const same = existsSync(where) && readFileSync(where, 'utf8') === text;
  if (same) return;
  if (verify) {
    faults.push(`${file} is not what \`make gen\` makes`);
    return;
  }
  mkdirSync(path.dirname(where), { recursive: true });
  writeFileSync(where, text);
  print(`made ${file}`);
}

function drop(file: string): void {
  if (verify) faults.push(`${file} belongs to nothing any more`);
  else rmSync(path.join(root, file));
}

async function sdkTypes(openapi: string): Promise<string> {
  const [contract, types] = [path.join(temporary, 'openapi.json'), path.join(temporary, 'openapi.ts')];
  writeFileSync(contract, openapi);
  const cli = 'sdk/typescript/node_modules/openapi-typescript/bin/cli.js';
  await said(node(cli, contract, '--output', types, '--alphabetize', '--default-non-nullable=false'));
  return readFileSync(types, 'utf8');
}

/** What a command writes to its stdout; one that fails ends everything. */
async function said(command: [string, ...string[]]): Promise<string> {
  const { code, stdout, output } = await run(command);
  if (code === 0) return stdout;
  print(output);
  throw new Error(`${path.basename(command[2] ?? '')} ended with ${code}`);
}
