import { npmCommand } from '../lib/npm.ts';
import { run } from '../lib/run.ts';

/** Advisories that were read and do not touch us: the advisory's URL → why. Empty is best. */
const ACCEPTED: Readonly<Record<string, string>> = {};

type Advisory = { readonly title: string; readonly url: string; readonly severity: string };
type Report = { readonly vulnerabilities?: Record<string, { readonly via: readonly (Advisory | string)[] }> };

export type Audit = { readonly faults: readonly string[]; readonly skipped?: string };

/** Asks the registry for known vulnerabilities. Not every registry can tell; then nothing was checked. */
export async function audit(): Promise<Audit> {
  const quiet = ['--loglevel=error', '--fetch-retries=0', '--update-notifier=false'];
  const { output, code } = await run([...npmCommand(), 'audit', '--json', ...quiet], { timeoutMs: 20_000 });
  const report = reportIn(output);
  if (!report?.vulnerabilities) return { faults: [], skipped: `the registry does not tell (${reason(output, code)})` };
  const found = new Map<string, string>();
  for (const [name, { via }] of Object.entries(report.vulnerabilities))
    for (const advisory of via)
      if (typeof advisory !== 'string' && !(advisory.url in ACCEPTED))
        found.set(advisory.url, `${name}: ${advisory.title} (${advisory.severity}, ${advisory.url})`);
  return { faults: [...found.values()] };
}

function reportIn(output: string): Report | undefined {
  try {
    return JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as Report;
  } catch {
    return undefined;
  }
}

function reason(output: string, code: number): string {
  const status = /\b[45]\d\d\b[^"\n]*/.exec(output)?.[0] ?? /\bE[A-Z_]{4,}\b/.exec(output)?.[0];
  return (status ?? `npm audit ended with ${code}`)
    .replace(/https?:\S+/g, '')
    .trim()
    .slice(0, 80);
}
