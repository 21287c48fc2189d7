/** Something that runs. `stop` may be called twice, and before `start` has finished; it resolves within `deadlineMs`. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}

/** A part that did not stop in time, or failed to; the others were stopped nevertheless. */
export class StopFailed extends Error {
  constructor(service: string, cause: unknown) {
    super(`${service} did not stop`, { cause });
  }
}

/**
 * Services as one: started in order, stopped in reverse. When one does not start, those before it are stopped again.
 * A stop during the start lets the part that is starting finish, and goes no further. Each part may use what is left
 * of the deadline; one that outstays it is given up, so that the next are still stopped.
 */
export function inOrder(name: string, services: readonly Service[]): Service {
  const started: Service[] = [];
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  async function startAll(): Promise<void> {
    for (const service of services) {
      if (stopping !== undefined) return;
      // Counted before it has started: what failed half-way is stopped, too.
      started.push(service);
      await service.start();
    }
  }

  async function stopAll(deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    const failures: StopFailed[] = [];
    await within(starting ?? Promise.resolve(), deadlineMs).catch(() => {});
    for (const service of started.reverse()) {
      const leftMs = Math.max(0, deadline - performance.now());
      // A grace, so that a service which keeps to its deadline exactly is not called late.
      await within(service.stop(leftMs), leftMs + GRACE_MS).catch((cause: unknown) =>
        failures.push(new StopFailed(service.name, cause)),
      );
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join(', '));
  }

  return {
    name,
    start: () => {
      starting ??= startAll();
      return starting.catch(async (error: unknown) => {
        stopping ??= stopAll(START_FAILURE_DEADLINE_MS);
        await stopping.catch(() => {});
        throw error;
      });
    },
    stop: (deadlineMs) => {
      stopping ??= stopAll(deadlineMs);
      return stopping;
    },
  };
}

/** Services as one: started in order, and stopped all at once, each with the whole of the deadline. */
export function atOnce(name: string, services: readonly Service[]): Service {
  const started = new Set<Service>();
  return {
    name,
    async start() {
      for (const service of services) {
        started.add(service);
        await service.start();
      }
    },
    async stop(deadlineMs) {
      const failures: StopFailed[] = [];
      const stopped = [...started].map((service) =>
        service.stop(deadlineMs).catch((cause: unknown) => failures.push(new StopFailed(service.name, cause))),
      );
      await Promise.all(stopped);
      if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join(', '));
    },
  };
}

const GRACE_MS = 500;
const START_FAILURE_DEADLINE_MS = 5000;

/** Rejects when `promise` has not settled in time. */
async function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still running after ${Math.round(ms)} ms`)), ms);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
