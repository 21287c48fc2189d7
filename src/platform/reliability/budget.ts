/** How many calls may be made again, as a share of those made: a service in trouble is not asked three times as often. */
export type RetryBudget = {
  /** A call is made, for the first time. */
  deposit(): void;
  /** Whether one more retry is within the budget; if so, it is spent. */
  take(): boolean;
  /** How many retries could be made now. */
  tokens(): number;
};

/** Whole thousandths, so that a fifth added five times is one. */
const SCALE = 1_000;

/**
 * At most `ratio` retries a call (a fifth), after `burst` (10) which may go before that counts: over N calls, never more
 * than burst + ratio × N.
 */
export function createRetryBudget(options: { readonly ratio?: number; readonly burst?: number } = {}): RetryBudget {
  const share = Math.round((options.ratio ?? 0.2) * SCALE);
  const full = Math.round((options.burst ?? 10) * SCALE);
  let tokens = full;
  return {
    deposit() {
      tokens = Math.min(full, tokens + share);
    },
    take() {
      if (tokens < SCALE) return false;
      tokens -= SCALE;
      return true;
    },
    tokens: () => Math.floor(tokens / SCALE),
  };
}
