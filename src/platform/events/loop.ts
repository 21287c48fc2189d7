export interface Loop {
  start(): void;
  /** Runs soon; nudges while it runs make it run once more. */
  nudge(): void;
  /** Resolves when nothing it was nudged about is left. */
  idle(): Promise<void>;
  /** Waits for the run that is under way. May be called twice, and before `start`. */
  stop(): Promise<void>;
}

type Options = {
  /** One round of work. Calls `nudge` itself when there is more to do. */
  run(): Promise<void>;
  /** The backstop behind the nudges: asks whether there is work. Absent: every poll runs. */
  poll?(): Promise<boolean>;
  readonly pollMs: number;
  readonly onError: (error: unknown) => void;
};

/**
 * A worker that runs when nudged, never twice at once, and looks by itself every `pollMs`. An error ends the round;
 * the next poll begins another.
 */
export function createLoop({ run, poll, pollMs, onError }: Options): Loop {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let polling: Promise<void> | undefined;
  let nudged = false;
  let stopped = true;

  async function work(): Promise<void> {
    while (nudged && !stopped) {
      nudged = false;
      await run();
    }
  }

  function nudge(): void {
    nudged = true;
    if (stopped || running) return;
    // Begun in a microtask, so that a run never finds `running` unset, and nudges of one turn are one run.
    running = Promise.resolve()
      .then(work)
      .catch((error: unknown) => {
        nudged = false;
        onError(error);
      })
      .finally(() => {
        running = undefined;
        // A nudge that came between the last look at `nudged` and here.
        if (nudged) nudge();
      });
  }

  async function look(): Promise<void> {
    try {
      if (poll === undefined || (await poll())) nudge();
    } catch (error) {
      onError(error);
    }
  }

  return {
    nudge,
    start() {
      if (!stopped) return;
      stopped = false;
      timer = setInterval(() => {
        if (running) return;
        polling ??= look().finally(() => {
          polling = undefined;
        });
      }, pollMs);
      nudge();
    },
    async idle() {
      while (running) await running;
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all([running, polling]);
    },
  };
}
