import { spawn } from 'node:child_process';
import { root } from './say.ts';

export type Ran = {
  readonly code: number;
  readonly stdout: string;
  /** Both channels, as they came. */
  readonly output: string;
};

/** Runs a command in the repository's folder, without a stdin, and gives back what it said and how it ended. */
export function run(
  [command, ...args]: [string, ...string[]],
  { env = {}, timeoutMs }: { env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(timeoutMs !== undefined && { timeout: timeoutMs, killSignal: 'SIGKILL' }),
    });
    let [stdout, output] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, stdout, output }));
  });
}

/** The words that run a JavaScript or TypeScript file under this Node. */
export const node = (...args: string[]): [string, ...string[]] => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  ...args,
];
