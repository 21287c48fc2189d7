/** `make check`: everything that can be said about the code without running it. `--quick` leaves out what is slow. */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { audit } from './checks/audit.ts';
import { installScriptFaults } from './checks/install-scripts.ts';
import { treeFaults } from './checks/secrets.ts';
import { node, run } from './lib/run.ts';
import { print, root } from './lib/say.ts';

/** `skipped`: why nothing could be checked. */
type Result = { readonly faults: readonly string[]; readonly skipped?: string };
type Check = { readonly name: string; readonly slow?: true; readonly check: () => Promise<Result> | Result };

const bin = (file: string) => `node_modules/${file}`;

/** A command that must end with 0; what it says is shown when it does not. */
const command =
  (...args: string[]) =>
  async (): Promise<Result> => {
    const env = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1', FORCE_COLOR: '0' };
    const { code, output } = await run(node(...args), { env });
    return { faults: code === 0 ? [] : [output.replaceAll(`${root}/`, '').trim() || `ended with ${code}`] };
  };

/** What was found last time is kept, and one thread costs less than half of the CPU of several. */
const types = (project: string) => {
  const kept = `.runtime/tsc/${path.basename(path.join(root, project))}.json`;
  return command(
    bin('typescript/bin/tsc'),
    '-p',
    project,
    '--singleThreaded',
    '--incremental',
    '--tsBuildInfoFile',
    kept,
  );
};

// The slowest first: with two at a time, the short ones fill the gaps.
const checks: Check[] = [
  { name: 'generated files are as they would be generated', slow: true, check: command('scripts/gen.ts', '--verify') },
  { name: 'no unused file, export or dependency', slow: true, check: command(bin('knip/bin/knip.js')) },
  { name: 'types of the server', check: types('.') },
  { name: 'types of the SDK', check: types('sdk/typescript') },
  { name: 'types of the console', check: types('console') },
  {
    name: 'the contract is good OpenAPI',
    slow: true,
    check: command(bin('@redocly/cli/bin/cli.js'), 'lint', 'contracts/openapi.json', '--format=stylish'),
  },
  { name: 'the law of imports', check: command('--test', '--test-reporter=dot', 'test/architecture.test.ts') },
  { name: 'style', check: command(bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.') },
  { name: 'no secret, machine path or download address', check: () => ({ faults: treeFaults() }) },
  { name: 'install scripts are decided on', check: () => ({ faults: installScriptFaults() }) },
  { name: 'no known vulnerability', slow: true, check: audit },
];

const chosen = process.argv.includes('--quick') ? checks.filter(({ slow }) => !slow) : checks;
const waiting = [...chosen];
let failed = 0;
let skips = 0;

async function work(): Promise<void> {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const since = performance.now();
    const { faults, skipped } = await next.check();
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    const verdict = faults.length > 0 ? 'FAILED' : skipped ? 'skip  ' : 'ok    ';
    print(`${verdict} ${next.name} (${seconds} s)${skipped ? `: ${skipped}` : ''}`);
    if (skipped) skips += 1;
    if (faults.length > 0) {
      failed += 1;
      print(`\n${faults.join('\n')}\n`);
    }
  }
}

await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
print(
  failed === 0
    ? `${chosen.length - skips} checks passed, ${skips} skipped`
    : `${failed} of ${chosen.length} checks failed`,
);
process.exitCode = failed === 0 ? 0 : 1;
