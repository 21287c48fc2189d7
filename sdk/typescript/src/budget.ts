/**
 * How often a client may repeat requests, over all of them: a bucket that fills steadily. A server that fails everything
 * is then asked hardly more often than one that works, and not two or three times as often.
 */
export class RetryBudget {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  #tokens: number;
  #filledAt: number;

  constructor(perSecond: number, burst: number, now: () => number = Date.now) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#now = now;
    this.#tokens = burst;
    this.#filledAt = now();
  }

  /** Whether one more repeat is in it; if so, it is spent. */
  take(): boolean {
    const now = this.#now();
    // A clock that was set back fills nothing, and takes nothing away.
    const passedMs = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#burst, this.#tokens + (passedMs / 1000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
