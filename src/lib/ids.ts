import { randomFillSync } from 'node:crypto';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const pool = new Uint8Array(10 * 256);
let used = pool.length;

/**
 * A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits, so ids sort by the
 * time they were made. Random bytes are drawn 256 ids at a time: one system call instead of 256.
 */
export function uuidv7(nowMs: number = Date.now()): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const r = pool.subarray(used, used + 10);
  used += 10;
  const high = Math.floor(nowMs / 2 ** 16);
  const h = (byte: number) => HEX[byte & 0xff];
  return (
    `${h(high >>> 24)}${h(high >>> 16)}${h(high >>> 8)}${h(high)}-${h((nowMs % 2 ** 16) >>> 8)}${h(nowMs % 256)}-` +
    `${h(0x70 | ((r[0] as number) & 0x0f))}${h(r[1] as number)}-${h(0x80 | ((r[2] as number) & 0x3f))}${h(r[3] as number)}-` +
    `${h(r[4] as number)}${h(r[5] as number)}${h(r[6] as number)}${h(r[7] as number)}${h(r[8] as number)}${h(r[9] as number)}`
  );
}

/** Whether `text` is a UUID in its canonical lower-case form. */
export const isUuid = (text: string): boolean => UUID.test(text);

/** When a UUIDv7 was made, in Unix milliseconds. */
export const timeOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
