import type { CacheKey } from './key.ts';

/** What is kept of a thing, at one version of it. */
export type Entry = {
  /** Its final text, as it is sent; `null` where it is known that there is nothing. */
  readonly value: string | null;
  /** Of the row that it was made from. Whatever changes the text must raise it. */
  readonly version: number;
  /** Until then it is given out without asking. Unix time. */
  readonly freshUntilMs: number;
  /** Until then it is better than nothing. Unix time. */
  readonly keepUntilMs: number;
  /** Its life was over; it was prolonged because loading failed. */
  readonly stale?: boolean;
};

/**
 * Keeps texts for a while, and may lose any of them at any time. None of its methods fails because what is behind it is
 * away: it then forgets.
 */
export interface Cache {
  get(key: CacheKey): Promise<Entry | undefined>;
  /** Answers false where something newer is known, or the entry is too large. */
  put(key: CacheKey, entry: Entry): Promise<boolean>;
  /** What is older than `version` is gone, and cannot be put any more: a tombstone stays for `TOMBSTONE_MS`. */
  drop(key: CacheKey, version: number): Promise<void>;
  /**
   * Whether nobody else holds the lock under this key; it is then the token's for `ms`. Only an optimisation: it may be
   * lost, and then two hold it.
   */
  lock(key: CacheKey, token: string, ms: number): Promise<boolean>;
  /** Gives the lock back, if it is still the token's. */
  unlock(key: CacheKey, token: string): Promise<void>;
  /** How full it is, where that can be told. */
  usage?(): { readonly entries: number; readonly bytes: number };
}

/** Longer than any load may take (`aside.ts`), so that none which began before a drop ends after its tombstone. */
export const TOMBSTONE_MS = 60_000;
