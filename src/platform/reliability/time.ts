/** Time within this process: it never jumps, and means nothing elsewhere. Injected, so that tests can move it. */
export type Time = {
  /** Milliseconds since some moment. */
  now(): number;
  /** Resolves after `ms` (at once when that is not in the future), or rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

export const monotonic: Time = {
  now: () => performance.now(),
  async sleep(ms, signal) {
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
  },
};
