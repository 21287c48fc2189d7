/** How many messages a client may send: a bucket that fills steadily, and a debt beyond which it is cut off. */
export type Allowance = {
  /** `refuse`: not now. `cut`: it was told so too often. */
  take(nowMs: number): 'take' | 'refuse' | 'cut';
};

type Rate = { readonly messageBurst: number; readonly messagesPerSecond: number };

export function createAllowance({ messageBurst, messagesPerSecond }: Rate, nowMs: number): Allowance {
  let left = messageBurst;
  let filledAtMs = nowMs;
  return {
    take(atMs) {
      const filled = left + ((atMs - filledAtMs) / 1_000) * messagesPerSecond;
      left = Math.min(messageBurst, filled) - 1;
      filledAtMs = atMs;
      if (left >= 0) return 'take';
      return left < -messageBurst ? 'cut' : 'refuse';
    },
  };
}
