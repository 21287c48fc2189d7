import type { LogEvent } from '@parley/sdk';

/** Events that a page keeps at most. Older ones are in the log; `dropped` says how many went. */
export const KEPT = 200;
/** What arrives while it is paused is counted, and kept up to the same number. */
export type Tail = { events: readonly LogEvent[]; waiting: readonly LogEvent[]; paused: boolean; dropped: number };

export const EMPTY_TAIL: Tail = { events: [], waiting: [], paused: false, dropped: 0 };

/** The newest first, each once. */
export function arrived(tail: Tail, event: LogEvent): Tail {
  if ([...tail.events.slice(0, 50), ...tail.waiting.slice(0, 50)].some(({ id }) => id === event.id)) return tail;
  if (tail.paused) return { ...tail, waiting: [event, ...tail.waiting].slice(0, KEPT) };
  const events = [event, ...tail.events];
  return { ...tail, events: events.slice(0, KEPT), dropped: tail.dropped + Math.max(0, events.length - KEPT) };
}

export function paused(tail: Tail, stop: boolean): Tail {
  if (stop) return { ...tail, paused: true };
  const events = [...tail.waiting, ...tail.events];
  return {
    events: events.slice(0, KEPT),
    waiting: [],
    paused: false,
    dropped: tail.dropped + Math.max(0, events.length - KEPT),
  };
}

/** Whether an event speaks of what was typed: in its type, its subject, its stream or its trace. */
export function speaksOf(event: LogEvent, typed: string): boolean {
  const wanted = typed.trim().toLowerCase();
  if (wanted === '') return true;
  return [event.type, event.subject, event.stream, event.traceparent ?? ''].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

/** The trace's own part of a traceparent: what one searches for. */
export const traceOf = ({ traceparent }: LogEvent): string | undefined => traceparent?.split('-')[1];

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
