import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { type Lines, linesAtOnce, linesTo } from './lines.ts';
import { type LogFormat, prettyLine } from './log-pretty.ts';

/**
 * Everything that may be written to a log line beside its message: an allow-list, held by the compiler and again when
 * the line is written. A field that is not here is not logged. Add a name only when its values can be no secret, no
 * token, no address of a person and no text that somebody wrote.
 */
const FIELDS = [
  'request_id',
  'tenant_id',
  'trace_id',
  'actor_id',
  'actor_kind',
  'session_id',
  'method',
  'route',
  'status',
  'duration_ms',
  'code',
  'reason',
  'component',
  'role',
  'version',
  'profile',
  'host',
  'port',
  'ports',
  'url',
  'pid',
  'signal',
  'database',
  'redis',
  'data_dir',
  'migration',
  'count',
  'bytes',
  'attempt',
  'delay_ms',
  'shard',
  'position',
  'epoch',
  'stream',
  'event_type',
  'event_id',
  'group',
  'job_id',
  'job_kind',
  'fence',
  'schedule',
  'provider',
  'model',
  'agent_id',
  'discussion_id',
  'generation_id',
  'document_id',
  'webhook_id',
  'turn',
  'checkpoint',
] as const;

type Field = (typeof FIELDS)[number];

export type LogFields = {
  readonly [K in Field]?: string | number | boolean | readonly (string | number)[] | undefined;
} & {
  /** Its class, message, code, stack and causes are written. */
  readonly error?: unknown;
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** One JSON object a line: `timestamp`, `level`, `module`, `message`, then the fields above. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Written at once, and everything before it: the process may be about to end. */
  fatal(message: string, fields?: LogFields): void;
  /** The same log under another `module`. */
  child(module: string): Logger;
  /** Writes out what is buffered, synchronously. */
  flush(): void;
}

export type LogOptions = {
  readonly level: LogLevel;
  /** File descriptor; default 1 (standard output). */
  readonly fd?: number;
  /** Default: `json`. */
  readonly format?: LogFormat;
  /** Instead of `fd`: where the lines go (tests). */
  readonly write?: (line: string) => void;
};

/** What a field's name looks like in a line; and the list of those that are allowed. */
const NAMES: ReadonlyMap<string, string> = new Map(FIELDS.map((field) => [field, `,"${field}":`]));
const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: 99 };

/** Makes the process's log. Lines are written asynchronously; `fatal` and `flush` write at once. */
export function createLog(options: LogOptions): Logger {
  return loggerOf({ to: linesFor(options), stamp: stamp(), threshold: LEVELS[options.level] }, 'parley');
}

function linesFor({ write, fd = 1, format, level }: LogOptions): Lines {
  if (write) return { write, flushSync: () => {} };
  return format === 'pretty' ? forPeople(linesAtOnce(fd), { debug: level === 'debug', fd }) : linesTo(fd);
}

/** A line at a time, in its place between whatever else is written to a terminal. */
function forPeople(to: Lines, { debug, fd }: { debug: boolean; fd: number }): Lines {
  const colours = isatty(fd) && styleText('red', 'x', { stream: fd === 2 ? process.stderr : process.stdout }) !== 'x';
  return {
    write(text) {
      const line = prettyLine(text, { debug, colours });
      if (line !== undefined) to.write(line);
    },
    flushSync: () => to.flushSync(),
  };
}

/** The time. Lines of one millisecond share the text: making it costs 0.5 µs. */
function stamp(): () => string {
  let lastMs = 0;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== lastMs) {
      lastMs = nowMs;
      text = new Date(nowMs).toISOString();
    }
    return text;
  };
}

type Writing = { readonly to: Lines; readonly stamp: () => string; readonly threshold: number };

function loggerOf(writing: Writing, module: string): Logger {
  const { to, stamp, threshold } = writing;
  const at = (level: Exclude<LogLevel, 'silent'>): Logger['info'] => {
    if (LEVELS[level] < threshold) return () => {};
    const [before, after] = [`{"level":"${level}","timestamp":"`, `","module":${quoted(module)}`];
    return (message, fields) => {
      to.write(`${before}${stamp()}${after}${textOf(fields)},"message":${quoted(message)}}\n`);
    };
  };
  const flush = () => to.flushSync();
  const fatal = at('fatal');
  return {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    fatal(message, fields) {
      fatal(message, fields);
      flush();
    },
    child: (name) => loggerOf(writing, name),
    flush,
  };
}

/**
 * The allowed fields; those of another name are dropped, whatever a cast let through. Written by hand: a general
 * serialiser, given a copy with the allowed fields, took 5 µs for the line of a request and left 5 KB of garbage; this, 1.
 */
function textOf(fields: LogFields | undefined): string {
  let text = '';
  for (const name in fields) {
    const value = fields[name as Field];
    if (value === undefined) continue;
    const before = NAMES.get(name);
    if (before !== undefined) text += before + jsonOf(value);
  }
  if (fields?.error !== undefined) text += `,"error":${JSON.stringify(describeError(fields.error))}`;
  return text;
}

function jsonOf(value: NonNullable<LogFields[Field]>): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return JSON.stringify(value) ?? 'null';
}

/** What JSON writes in another way than as it is. */
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u;

const quoted = (text: string): string => (ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`);

const CAUSES = 4;
const STACK_CHARACTERS = 8_000;

/** An error as plain data. Only its class, message, code, stack and causes: other properties may hold a row or a body. */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error).slice(0, STACK_CHARACTERS) };
  const described: Record<string, unknown> = {
    name: error.name,
    message: error.message.slice(0, STACK_CHARACTERS),
    stack: error.stack?.slice(0, STACK_CHARACTERS),
  };
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number'))
    described.code = error.code;
  if (error.cause !== undefined && depth < CAUSES) described.cause = describeError(error.cause, depth + 1);
  return described;
}

/** A log that goes nowhere: for commands whose output is their answer. */
export const silentLog: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  fatal: () => {},
  child: () => silentLog,
  flush: () => {},
};
