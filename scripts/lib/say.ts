import path from 'node:path';

/** The repository's own folder. */
export const root: string = path.resolve(import.meta.dirname, '../..');

/** A line for the person at the terminal. */
export const say = (line: string): void => {
  process.stderr.write(`parley: ${line}\n`);
};

/** A plain line of output. */
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
