/** Access tokens live ten minutes. */
export const ACCESS_TOKEN_SECONDS = 600;
/** A key signs for 30 days; its successor is published an hour before, longer than anybody keeps a JWKS. */
export const KEY_LIFE_MS = 30 * 24 * 3_600_000;
export const KEY_LEAD_MS = 3_600_000;
/** After its successor took over, the last token of a key lives this long (its ten minutes, skews and caches). */
const KEY_AFTERLIFE_MS = (ACCESS_TOKEN_SECONDS + 120) * 1_000;

export type KeyTimes = { readonly id: string; readonly activeFromMs: number };

/** Keys by when they took or take over, oldest first. */
const byTime = <K extends KeyTimes>(keys: readonly K[]): K[] =>
  keys.toSorted((a, b) => a.activeFromMs - b.activeFromMs || (a.id < b.id ? -1 : 1));

/**
 * The key that signs now: the newest that is active. The very first one also a little before its time: the process
 * that made it may have a clock ahead of this one's, and there is no other.
 */
export function signingKeyAt<K extends KeyTimes>(keys: readonly K[], nowMs: number): K | undefined {
  const sorted = byTime(keys);
  return sorted.findLast((key) => key.activeFromMs <= nowMs) ?? sorted[0];
}

/** The keys whose tokens may be alive now or soon: what the JWKS holds. */
export function publishedKeysAt<K extends KeyTimes>(keys: readonly K[], nowMs: number): K[] {
  const sorted = byTime(keys);
  return sorted.filter((_, i) => {
    const successor = sorted[i + 1];
    return successor === undefined || successor.activeFromMs + KEY_AFTERLIFE_MS > nowMs;
  });
}

/** Whether it is time to make the next key. */
export function isRotationDue(keys: readonly KeyTimes[], nowMs: number): boolean {
  const newest = byTime(keys).at(-1);
  return newest === undefined || newest.activeFromMs + KEY_LIFE_MS - KEY_LEAD_MS <= nowMs;
}
