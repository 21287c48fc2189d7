import { connectionError } from './errors.ts';
import { linked } from './retry.ts';
import { readFrames, type SseFrame } from './sse.ts';
import { meaning, type Send, type Transport } from './transport.ts';

export type StreamOptions = {
  signal?: AbortSignal | undefined;
  /** The connection is taken for dead after this silence; the server sends a comment every 15 s. */
  idleMs?: number | undefined;
  onOpen?(): void;
  onRetry?(ms: number): void;
};

const CONNECT_MS = 30_000;
export const IDLE_MS = 45_000;

/** The frames of one event stream, until it ends. Throws when it fails, goes silent or is refused; leaving closes it. */
export async function* streamFrames(
  transport: Transport,
  send: Send,
  options: StreamOptions,
): AsyncGenerator<SseFrame> {
  const { controller, release } = linked(options.signal);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const allow = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(connectionError('stream_stalled', 'The event stream went silent.')), ms);
  };
  try {
    allow(CONNECT_MS);
    const headers = { ...send.headers, accept: 'text/event-stream' };
    const response = await transport.open({ ...send, headers }, controller.signal);
    clearTimeout(timer);
    if (!response.body) throw connectionError('invalid_response', 'The event stream has no body.');
    options.onOpen?.();
    const { idleMs = IDLE_MS, onRetry } = options;
    const onWaiting = (waits: boolean): void => (waits ? allow(idleMs) : clearTimeout(timer));
    yield* readFrames(response.body, { onWaiting, ...(onRetry ? { onRetry } : {}) });
  } catch (error) {
    throw meaning(error, controller.signal);
  } finally {
    clearTimeout(timer);
    release();
    controller.abort(connectionError('connection_failed', 'The event stream was left.'));
  }
}

/** What a frame carries. */
export function dataOf(frame: SseFrame): unknown {
  try {
    return JSON.parse(frame.data);
  } catch (cause) {
    throw connectionError('invalid_response', 'The event stream sent data that is not JSON.', cause);
  }
}
