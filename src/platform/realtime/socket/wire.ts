import { formatCursor } from '../cursor.ts';
import type { ResetReason, Wire } from '../frames.ts';
import type { Cursor, LiveFrame, LogEvent } from '../hub.ts';
import { EVERYTHING } from './channel.ts';

/** `id` is where to go on from; null for what is live only. */
const frame = (channel: string, id: string | null, event: string, data: unknown): Buffer =>
  Buffer.from(
    `{"type":"event","channel":${JSON.stringify(channel)},"id":${JSON.stringify(id)},` +
      `"event":${JSON.stringify(event)},"data":${JSON.stringify(data)}}`,
  );

const wireOf = (channelOf: (stream: string | undefined) => string): Wire => ({
  event: (event: LogEvent) => frame(channelOf(event.stream), formatCursor(event), event.type, event),
  live: (stream: string, { event, data }: LiveFrame) => frame(channelOf(stream), null, event, data),
  reset: (stream: string | undefined, cursor: Cursor, reason: ResetReason) =>
    Buffer.from(JSON.stringify({ type: 'reset', channel: channelOf(stream), reason, cursor: formatCursor(cursor) })),
});

/** Messages of a WebSocket for whoever follows one stream: its name is the channel. */
export const CHANNEL: Wire = wireOf((stream) => stream ?? EVERYTHING);
/** The same for whoever follows everything. */
export const ALL: Wire = wireOf(() => EVERYTHING);
