import { formatCursor } from './cursor.ts';
import type { Cursor, LiveFrame, LogEvent } from './hub.ts';

/** Why a client must read anew: what its cursor names cannot be continued. */
export type ResetReason = 'epoch_changed' | 'trimmed' | 'ahead';

/**
 * How frames are written for one kind of connection. Each is made once, when the first subscriber of that kind needs it,
 * and shared by all of them.
 */
export type Wire = {
  event(event: LogEvent): Buffer;
  /** A live-only frame of this stream. */
  live(stream: string, frame: LiveFrame): Buffer;
  /** `stream` is undefined for who follows everything. */
  reset(stream: string | undefined, cursor: Cursor, reason: ResetReason): Buffer;
};

/** What has been written already of one frame, for each wire. */
export function writtenOnce(write: (wire: Wire) => Buffer): (wire: Wire) => Buffer {
  // Nearly always there is one wire, and often nobody at all.
  let first: { readonly wire: Wire; readonly frame: Buffer } | undefined;
  let others: Map<Wire, Buffer> | undefined;
  return (wire) => {
    first ??= { wire, frame: write(wire) };
    if (first.wire === wire) return first.frame;
    others ??= new Map();
    let frame = others.get(wire);
    if (frame === undefined) {
      frame = write(wire);
      others.set(wire, frame);
    }
    return frame;
  };
}

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

/** Server-sent events. */
export const SSE: Wire = {
  event: eventFrame,
  live: (_stream, frame) => liveFrame(frame),
  reset: (_stream, cursor, reason) => resetFrame(cursor, reason),
};
