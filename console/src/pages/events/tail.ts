import type { LogEvent } from '@parley/sdk';

/** Events that a page keeps of those that came while it was looked at. Older ones are in the log. */
export const KEPT = 200;
export type Tail = {
  events: readonly LogEvent[];
  /** What arrived while it was held still: counted, and kept up to the same number. */
  waiting: readonly LogEvent[];
  paused: boolean;
  /** So many left the page. */
  dropped: number;
  /** Read on demand: before those above, and where to read on; gone as soon as there is a hole between. */
  older: readonly LogEvent[];
  next: string | null;
};

export const EMPTY_TAIL: Tail = { events: [], waiting: [], paused: false, dropped: 0, older: [], next: null };

/** The newest first, each once. */
export function arrived(tail: Tail, event: LogEvent): Tail {
  if ([...tail.events.slice(0, 50), ...tail.waiting.slice(0, 50)].some(({ id }) => id === event.id)) return tail;
  if (tail.paused) return { ...tail, waiting: [event, ...tail.waiting].slice(0, KEPT) };
  return kept(tail, [event, ...tail.events]);
}

export function paused(tail: Tail, stop: boolean): Tail {
  if (stop) return { ...tail, paused: true };
  return { ...kept(tail, [...tail.waiting, ...tail.events]), waiting: [], paused: false };
}

/** What was read from before: behind the rest. */
export function further(tail: Tail, page: { items: readonly LogEvent[]; next_cursor: string | null }): Tail {
  if (tail.dropped > 0) return tail;
  return { ...tail, older: [...tail.older, ...page.items], next: page.next_cursor };
}

function kept(tail: Tail, events: readonly LogEvent[]): Tail {
  const gone = Math.max(0, events.length - KEPT);
  if (gone === 0) return { ...tail, events };
  const lost = gone + tail.older.length;
  return { ...tail, events: events.slice(0, KEPT), dropped: tail.dropped + lost, older: [], next: null };
}

/** What one can look for beyond what a stream of events is asked for. */
export type Sieve = { about?: string; text?: string; trace?: string; from?: string; to?: string };

/** Whether an event that came live is one of those that the list was asked for. */
export function passes(event: LogEvent, { about = '', text = '', trace = '', from = '', to = '' }: Sieve): boolean {
  if (about !== '' && event.stream !== about && event.subject !== about) return false;
  if (text !== '' && !JSON.stringify(event.data).toLowerCase().includes(text.toLowerCase())) return false;
  if (trace !== '' && traceOf(event) !== trace.toLowerCase()) return false;
  if (from !== '' && Date.parse(event.time) < Date.parse(from)) return false;
  return to === '' || Date.parse(event.time) < Date.parse(to);
}

/** The trace's own part of a traceparent: what one searches for. */
export const traceOf = ({ traceparent }: Pick<LogEvent, 'traceparent'>): string | undefined =>
  traceparent?.split('-')[1];

/** How many of the events were in each of the last minutes, the oldest minute first. */
export function perMinute(events: readonly Pick<LogEvent, 'time'>[], minutes: number, now: number): number[] {
  const counts = Array.from({ length: minutes }, () => 0);
  for (const { time } of events) {
    const ago = Math.floor((now - Date.parse(time)) / 60_000);
    const at = minutes - 1 - Math.max(0, ago);
    if (at >= 0) counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}
