import { createRequire } from 'node:module';
import type { pino as Pino } from 'pino';

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
  /** Instead of `fd`: where the lines go (tests). */
  readonly write?: (line: string) => void;
};

const ALLOWED: ReadonlySet<string> = new Set(FIELDS);
/** Lines gathered before a write: one system call a line costs 8 µs a request (measured). */
const BUFFER_BYTES = 4096;
/** The longest a line waits in the buffer. */
const FLUSH_MS = 250;

/** Makes the process's log. Lines are written asynchronously; `fatal` and `flush` write at once. */
export function createLog(options: LogOptions): Logger {
  // `require` is a third of an `import()` here, and pino is CommonJS.
  const pino = createRequire(import.meta.url)('pino') as typeof Pino;
  const destination = options.write
    ? { write: options.write }
    : pino.destination({
        fd: options.fd ?? 1,
        sync: false,
        minLength: BUFFER_BYTES,
        periodicFlush: FLUSH_MS,
      });
  const flush = () => {
    if ('flushSync' in destination) destination.flushSync();
  };
  const root = pino(
    {
      level: options.level,
      base: undefined,
      messageKey: 'message',
      timestamp: stamp(),
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return wrap(root, flush, 'parley');
}

/** The time as pino wants it. Lines of one millisecond share the text: making it costs 0.5 µs. */
function stamp(): () => string {
  let lastMs = 0;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== lastMs) {
      lastMs = nowMs;
      text = `,"timestamp":"${new Date(nowMs).toISOString()}"`;
    }
    return text;
  };
}

function wrap(root: Pino.Logger, flush: () => void, module: string): Logger {
  const own = root.child({ module });
  return {
    debug: (message, fields) => own.isLevelEnabled('debug') && own.debug(allowed(fields), message),
    info: (message, fields) => own.info(allowed(fields), message),
    warn: (message, fields) => own.warn(allowed(fields), message),
    error: (message, fields) => own.error(allowed(fields), message),
    fatal: (message, fields) => {
      own.fatal(allowed(fields), message);
      flush();
    },
    child: (name) => wrap(root, flush, name),
    flush,
  };
}

/** The allowed fields; those of another name are dropped, whatever a cast let through. */
function allowed(fields: LogFields | undefined): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  for (const name in fields) {
    if (ALLOWED.has(name)) line[name] = fields[name as Field];
  }
  if (fields?.error !== undefined) line.error = describeError(fields.error);
  return line;
}

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
