import { ParleyError } from './errors.ts';
import { backoffMs, linked, sleep } from './retry.ts';
import type { SseFrame } from './sse.ts';
import { dataOf, streamFrames } from './stream.ts';
import type { Query, Transport } from './transport.ts';

/** How the connection of an event stream is doing: for a light on the screen. */
export type ConnectionState =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'reconnecting'; attempt: number; delayMs: number; error: ParleyError | undefined };

/** An event as it came over the wire, its data parsed. */
export type WireEvent = {
  type: string;
  /** `epoch.position`, where the event is in the log; undefined for what is live only. */
  cursor: string | undefined;
  data: unknown;
};

export type FollowOptions = {
  /** Continue after this; as `cursor` of a snapshot or of an earlier event. Absent: from now on. */
  cursor?: string | undefined;
  /** Aborting ends the iteration quietly. */
  signal?: AbortSignal | undefined;
  onConnection?(state: ConnectionState): void;
  /** The connection is taken for dead after this silence; the server sends a comment every 15 s. Default 45,000. */
  idleMs?: number | undefined;
};

const BASE_MS = 500;
const CAP_MS = 5_000;
/** A connection that lived this long was a good one, though nothing happened on it. */
const LASTING_MS = 10_000;

/**
 * Follows an event stream for as long as you iterate: reconnects with jitter, resumes with `Last-Event-ID`, drops
 * what it has seen, and passes `reset` on when the server could not resume. Throws only what a new try cannot mend
 * (signed out, forbidden, not found).
 */
export async function* follow(
  transport: Transport,
  request: { path: string; query?: Query },
  options: FollowOptions,
): AsyncGenerator<WireEvent> {
  const place = { cursor: options.cursor, baseMs: BASE_MS };
  let failures = 0;
  options.onConnection?.({ state: 'connecting' });
  while (!options.signal?.aborted) {
    let problem: ParleyError | undefined;
    const startedAt = Date.now();
    try {
      for await (const event of connection(transport, request, { options, place })) {
        failures = 0;
        yield event;
      }
    } catch (error) {
      if (options.signal?.aborted) return;
      if (!(error instanceof ParleyError) || !mendable(error)) throw error;
      problem = error;
    }
    if (options.signal?.aborted) return;
    failures = Date.now() - startedAt > LASTING_MS ? 1 : failures + 1;
    const delayMs = Math.max(problem?.retryAfterMs ?? 0, backoffMs(failures - 1, place.baseMs, CAP_MS));
    options.onConnection?.({ state: 'reconnecting', attempt: failures, delayMs, error: problem });
    await pause(delayMs, options.signal);
  }
}

type Place = { cursor: string | undefined; baseMs: number };

/** One connection, until it ends or fails. */
async function* connection(
  transport: Transport,
  { path, query }: { path: string; query?: Query },
  { options, place }: { options: FollowOptions; place: Place },
): AsyncGenerator<WireEvent> {
  const headers: Record<string, string> = place.cursor === undefined ? {} : { 'last-event-id': place.cursor };
  const frames = streamFrames(
    transport,
    { method: 'GET', path, query, headers },
    {
      signal: options.signal,
      idleMs: options.idleMs,
      onOpen: () => options.onConnection?.({ state: 'open' }),
      onRetry: (ms) => {
        place.baseMs = Math.min(Math.max(ms, 100), CAP_MS);
      },
    },
  );
  for await (const frame of frames) {
    const event = eventOf(frame);
    if (event.type !== 'reset' && event.cursor !== undefined && seen(place.cursor, event.cursor)) continue;
    if (event.cursor !== undefined) place.cursor = event.cursor;
    yield event;
  }
}

function eventOf(frame: SseFrame): WireEvent {
  const data = dataOf(frame);
  if (frame.event === 'reset') {
    const { cursor } = data as { cursor?: unknown };
    return { type: 'reset', cursor: typeof cursor === 'string' ? cursor : undefined, data };
  }
  return { type: frame.event, cursor: frame.id, data };
}

/** Whether `cursor` is at or before `last` of the same epoch: a repeat. Positions of one epoch only grow. */
export function seen(last: string | undefined, cursor: string): boolean {
  if (last === undefined) return false;
  const [a, b] = [split(last), split(cursor)];
  return a.epoch === b.epoch && b.position <= a.position;
}

function split(cursor: string): { epoch: string; position: number } {
  const dot = cursor.lastIndexOf('.');
  return { epoch: cursor.slice(0, dot), position: Number(cursor.slice(dot + 1)) };
}

function mendable(error: ParleyError): boolean {
  return error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500;
}

/** What a browser's global object can and Node's cannot. */
type Listens = {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
};

/** Waits, but not on when the browser says that the network is back. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { controller, release } = linked(signal);
  const online = (): void => controller.abort();
  const page: Listens = globalThis as Listens;
  page.addEventListener?.('online', online);
  await sleep(ms, controller.signal).catch(() => {});
  page.removeEventListener?.('online', online);
  release();
}
