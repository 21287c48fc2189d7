import { readFileSync } from 'node:fs';
import { ConfigFaults } from '../platform/config/config.ts';
import { EmbeddedError } from '../platform/db/binaries.ts';
import { isConnectionError } from '../platform/db/errors.ts';
import { MigrationError } from '../platform/db/migrations.ts';
import { DatabaseHeld } from '../platform/db/owner.ts';
import { type Command, type CommandIo, EXIT, INSTALLED, UsageError } from './command.ts';

/** Every command: what it is for, and its file, loaded when it is called. */
const COMMANDS: Record<string, { summary: string; load(): Promise<Command> }> = {
  serve: {
    summary: 'run the server (--role all, or api,worker)',
    load: async () => (await import('./serve.ts')).serve,
  },
  migrate: {
    summary: 'bring the database to this version: up [N], down N, status',
    load: async () => (await import('./migrate.ts')).migrate,
  },
  seed: {
    summary: 'make the demo tenant again, and print how to sign in (not in production)',
    load: async () => (await import('./seed.ts')).seed,
  },
  register: {
    summary: 'make a tenant and its owner, whatever SIGNUP says: EMAIL TENANT_NAME',
    load: async () => (await import('./register.ts')).register,
  },
  'dead-letters': {
    summary: 'what could not be handled: list, show ID, requeue, discard',
    load: async () => (await import('./dead-letters.ts')).deadLetters,
  },
  doctor: {
    summary: 'look at the settings, the database and the machine, and say what is wrong',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  openapi: {
    summary: 'print the OpenAPI document of the API',
    load: async () => (await import('./openapi.ts')).openapi,
  },
  contracts: {
    summary: 'print the schemas of the events, by file',
    load: async () => (await import('./contracts.ts')).contracts,
  },
};

function help(version: string): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  parley ${name.padEnd(12)} ${summary}`);
  return [
    `Parley ${version}`,
    '',
    ...lines,
    '',
    'Settings are read from the environment and from .env; see .env.example.',
  ].join('\n');
}

/** argv → command → exit code. What a person can settle is told in a sentence each, without a stack. */
export async function main(argv: readonly string[], io: Pick<CommandIo, 'signal' | 'out' | 'say'>): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL('package.json', INSTALLED), 'utf8')) as { version: string };
  const [name = '--help', ...args] = argv;
  if (name === '--help' || name === '-h' || name === 'help') {
    io.out(help(version));
    return EXIT.ok;
  }
  if (name === '--version' || name === '-v') {
    io.out(version);
    return EXIT.ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    io.say(`There is no command "${name}".\n\n${help(version)}`);
    return EXIT.usage;
  }
  try {
    const run = await command.load();
    return await run({ ...io, args, folder: process.cwd(), version });
  } catch (error) {
    return explain(error, io.say);
  }
}

function explain(error: unknown, say: (line: string) => void): number {
  if (error instanceof UsageError) {
    say(error.message);
    return EXIT.usage;
  }
  if (error instanceof ConfigFaults) {
    for (const fault of error.faults) say(fault);
    return EXIT.config;
  }
  if (error instanceof DatabaseHeld || error instanceof EmbeddedError || error instanceof MigrationError) {
    say(error.message);
    return EXIT.config;
  }
  const sentence = sentenceOf(error);
  if (sentence !== undefined) {
    say(sentence);
    return EXIT.config;
  }
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.software;
}

function sentenceOf(error: unknown): string | undefined {
  const { code, port, syscall, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (syscall === 'listen') {
    if (code === 'EADDRINUSE')
      return `Port ${port} is taken, by a Parley that runs already or by another program: stop that one, or set PORT, API_PORT or METRICS_PORT to another (0 takes any).`;
    if (code === 'EACCES') return `Port ${port} may not be opened by this user: take one above 1023.`;
    if (code === 'EADDRNOTAVAIL') return `HOST ${address} is not an address of this machine.`;
  }
  if (code === '28P01' || code === '28000')
    return `The database refused the user of DATABASE_URL: ${(error as Error).message}.`;
  if (code === '3D000') return `The database of DATABASE_URL does not exist: ${(error as Error).message}.`;
  if (code === '42501')
    return `The user of DATABASE_URL lacks a right (it must own the database and have CREATEROLE): ${(error as Error).message}.`;
  if (isConnectionError(error)) return `The database of DATABASE_URL cannot be reached: ${(error as Error).message}.`;
  return undefined;
}
