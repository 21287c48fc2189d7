/** A fifth of the calls may be asked again; a burst of this many may go before that counts. */
const SHARE = 0.2;
const BURST = 10;
const BASE_MS = 250;
const MAX_BACKOFF_MS = 4_000;

/** Retries as a share of calls, so that a provider in trouble is not asked three times as often. */
export class RetryBudget {
  #tokens = BURST;

  /** A call is made. */
  deposit(): void {
    this.#tokens = Math.min(BURST, this.#tokens + SHARE);
  }

  /** Whether one more retry is within the budget. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Full jitter: anything up to a bound that doubles with each attempt. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(MAX_BACKOFF_MS, BASE_MS * 2 ** (attempt - 1)));
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
