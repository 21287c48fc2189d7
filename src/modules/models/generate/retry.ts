/** A fifth of the calls may be asked again; a burst of this many may go before that counts. */
const SHARE = 0.2;
const BURST = 10;
/** Between tries, where the provider does not say. */
export const BACKOFF = { baseMs: 250, capMs: 4_000 };

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

/** Resolves after `ms` (at once when that is not in the future), or rejects with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!(ms > 0)) return;
  await new Promise<void>((resolve, reject) => {
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
