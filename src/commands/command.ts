/** Exit codes, as sysexits.h has them. */
export const EXIT = { ok: 0, failed: 1, usage: 64, software: 70, config: 78 } as const;

/** What a command is given. It answers its exit code, and ends by itself when `signal` aborts. */
export type CommandIo = {
  readonly args: readonly string[];
  /** Where it was called. Relative paths, and `.env`, are found from here. */
  readonly folder: string;
  readonly version: string;
  /** SIGTERM or SIGINT came. */
  readonly signal: AbortSignal;
  /** A line of the answer (standard output). */
  out(line: string): void;
  /** A line for a person beside the answer (standard error). */
  say(line: string): void;
};

export type Command = (io: CommandIo) => Promise<number>;

/** A command that was called in a way it does not know; the message says how to call it. */
export class UsageError extends Error {}

/** Where the program is installed: migrations, the console and `package.json` are found from here. */
export const INSTALLED = new URL('../../', import.meta.url);
