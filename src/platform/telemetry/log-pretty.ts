import { isatty } from 'node:tty';
import { styleText } from 'node:util';

export type LogFormat = 'json' | 'pretty';

/** `auto`: for people in development on a terminal, JSON everywhere else, where programs read it. */
export function logFormatOf(
  wanted: LogFormat | 'auto',
  profile: string,
  { fd = 1, terminal = isatty(fd) }: { fd?: number; terminal?: boolean } = {},
): LogFormat {
  if (wanted !== 'auto') return wanted;
  return profile === 'development' && terminal ? 'pretty' : 'json';
}

type Line = {
  readonly level: string;
  readonly timestamp: string;
  readonly module: string;
  readonly message: string;
  readonly error?: { readonly name?: string; readonly message: string; readonly stack?: string };
} & Readonly<Record<string, unknown>>;

/** What a person wants to see beside the message; the rest is in the JSON form. */
const SHOWN = [
  ...['method', 'route', 'status', 'duration_ms', 'code', 'reason', 'count', 'attempt', 'delay_ms', 'component'],
  ...[
    'database',
    'redis',
    'role',
    'ports',
    'provider',
    'model',
    'event_type',
    'job_kind',
    'group',
    'schedule',
    'stream',
  ],
];
/** Said all the time while everything is well: `DEBUG=true` shows it. */
const ROUTINE = new Set(['request', 'a schedule ran', 'a job ended', 'Audit checkpoint', 'socket closed']);
const COLOURS = { debug: 'gray', info: 'cyan', warn: 'yellow', error: 'red', fatal: 'red' } as const;

/** A line of the log for a person: time, level, message, a few fields. Undefined: not worth showing. */
export function prettyLine(text: string, { debug = false, colours = false } = {}): string | undefined {
  const line = JSON.parse(text) as Line;
  const { level, timestamp, message, error } = line;
  const isWell = level === 'info' && (typeof line.status !== 'number' || line.status < 500);
  if (!debug && isWell && ROUTINE.has(message)) return undefined;
  const paint = (style: Parameters<typeof styleText>[0], words: string) =>
    colours ? styleText(style, words, { validateStream: false }) : words;
  const fields = SHOWN.flatMap((name) => (line[name] === undefined ? [] : [`${name}=${wordOf(line[name])}`]));
  const colour = COLOURS[level as keyof typeof COLOURS] ?? 'gray';
  const head = [paint('dim', timeOf(timestamp)), paint(colour, level.padEnd(5)), message];
  const first = [...head, ...(fields.length > 0 ? [paint('dim', fields.join(' '))] : [])].join('  ');
  if (error === undefined) return `${first}\n`;
  const why = (debug && error.stack) || `${error.name ? `${error.name}: ` : ''}${error.message}`;
  return `${first}\n${why.replace(/^/gm, '         ')}\n`;
}

/** Of the day, by the clock of whoever sits there. */
function timeOf(timestamp: string): string {
  const at = new Date(timestamp);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

const wordOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
