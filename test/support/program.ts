import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type Ended = { readonly code: number | null; readonly out: string; readonly said: string };

/** The `parley` program as a process of its own. */
export type Program = {
  readonly child: ChildProcess;
  /** Resolves with the exit code and everything it wrote: `out` to standard output, `said` to standard error. */
  readonly ended: Promise<Ended>;
  /** Resolves with the text once standard output or error holds it; rejects when the program ends before. */
  until(text: RegExp): Promise<string>;
};

/**
 * Calls `parley ARGS` in a folder. It sees the given settings, PATH, and where coverage is gathered; nothing else of our
 * environment.
 */
export function program(
  args: readonly string[],
  { folder, env = {} }: { folder: string; env?: Record<string, string> },
): Program {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, NODE_V8_COVERAGE: process.env.NODE_V8_COVERAGE, HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, said] = ['', ''];
  const watchers = new Set<() => void>();
  const look = () => {
    for (const watcher of watchers) watcher();
  };
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    look();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    look();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, out, said });
      look();
    });
  });
  return {
    child,
    ended,
    until: (text) =>
      new Promise((resolve, reject) => {
        const watcher = () => {
          const all = `${out}\n${said}`;
          if (text.test(all)) resolve(all);
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`It ended before ${text}: ${all}`));
          else return;
          watchers.delete(watcher);
        };
        watchers.add(watcher);
        watcher();
      }),
  };
}
