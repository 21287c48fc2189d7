import type { Cursor } from './hub.ts';

const CURSOR = /^([0-9a-z]{1,32})\.(\d{1,15})$/;

/** `epoch.position`: an SSE id, and the cursor that every answer about something live carries. */
export const formatCursor = ({ epoch, position }: Cursor): string => `${epoch}.${position}`;

/** Undefined when the text is not a cursor at all. */
export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR.exec(text);
  if (match === null) return undefined;
  return { epoch: match[1] as string, position: Number(match[2]) };
}
