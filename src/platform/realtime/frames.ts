import { formatCursor } from './cursor.ts';
import type { Cursor, LiveFrame, LogEvent } from './hub.ts';

/** Why a client must read anew: what its cursor names cannot be continued. */
export type ResetReason = 'epoch_changed' | 'trimmed' | 'ahead';

/** An event of the log as an SSE frame; its id is where to resume. */
export function eventFrame(event: LogEvent): Buffer {
  return Buffer.from(`id: ${formatCursor(event)}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** A live-only frame: no id, so a client that resumes does not count it. */
export function liveFrame({ event, data }: LiveFrame): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/**
 * Tells the client to read its state anew and to go on from `cursor`. It carries that as its id, or the client would
 * come back with the old one and be reset again.
 */
export function resetFrame(cursor: Cursor, reason: ResetReason): Buffer {
  const text = formatCursor(cursor);
  return Buffer.from(`id: ${text}\nevent: reset\ndata: ${JSON.stringify({ cursor: text, reason })}\n\n`);
}
