import { CircuitState, CountBreaker, circuitBreaker, DelegateBackoff, handleWhen } from 'cockatiel';
import { AppError } from '../http/errors.ts';
import { PermanentError } from '../jobs/define.ts';
import type { Wrapper } from './wrapper.ts';

export type BreakerState = 'closed' | 'half_open' | 'open';

export type BreakerOptions = {
  readonly name: string;
  /** What a refused caller is told. Default: `upstream_unavailable`, with `Retry-After`. */
  readonly refuse?: (retryAfterMs: number) => Error;
  /** Whether an error says that the other side is in trouble. Default: all but our own refusals, errors below 500 and permanent ones. */
  readonly isFailure?: (error: unknown) => boolean;
  /** Opens when more than this share of the last `window` calls failed. Default: half of 20. */
  readonly failureRatio?: number;
  readonly window?: number;
  /** Before so many calls were seen it stays closed. Default 5. */
  readonly minCalls?: number;
  /** How long it stays open at first; each trial that fails doubles that, up to the cap. Default 1 s, 30 s. */
  readonly openMs?: number;
  readonly maxOpenMs?: number;
  /** A trial that takes longer has failed. Default 30,000. */
  readonly trialMs?: number;
  readonly onState?: (state: BreakerState) => void;
  readonly onRefusal?: () => void;
  readonly random?: () => number;
};

/** Stops asking a service that is down, and lets one call through now and then to see whether it is back. */
export type Breaker = {
  readonly name: string;
  state(): BreakerState;
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  readonly wrap: Wrapper;
};

/** It was not even asked. A retry within the same request passes this on: it is for the caller to come back. */
export class BreakerOpen extends AppError {
  constructor(name: string, retryAfterMs: number) {
    super('upstream_unavailable', {
      message: `${name} is not available at the moment.`,
      headers: { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) },
    });
  }
}

/** The caller left: nothing was learnt of the other side. */
class GaveUp extends Error {
  readonly trial: boolean;
  constructor(cause: unknown, trial: boolean) {
    super('The caller gave up', { cause });
    this.trial = trial;
  }
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};

/**
 * cockatiel's breaker over a sliding window of calls, with three things mended: while its one trial runs it refuses
 * the others instead of letting them wait, a trial that hangs has failed, and one whose caller left does not close it.
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const { name, isFailure = isTrouble, random = Math.random, trialMs = 30_000 } = options;
  const refuse = options.refuse ?? unavailable(name);
  let openMs = 0;
  let openedAt = 0;
  const policy = circuitBreaker(
    handleWhen((error) => !(error instanceof GaveUp) || error.trial),
    {
      breaker: new CountBreaker({
        threshold: options.failureRatio ?? 0.5,
        size: options.window ?? 20,
        minimumNumberOfCalls: options.minCalls ?? 5,
      }),
      halfOpenAfter: new DelegateBackoff(({ attempt }) => {
        openedAt = Date.now();
        openMs = openFor(attempt, options, random);
        return openMs;
      }),
    },
  );
  policy.onStateChange((state) => options.onState?.(STATES[state]));

  async function run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const leftMs = policy.state === CircuitState.Open ? openMs - (Date.now() - openedAt) : 0;
    if (policy.state === CircuitState.HalfOpen || leftMs > 0) {
      options.onRefusal?.();
      throw refuse(leftMs);
    }
    const trial = policy.state === CircuitState.Open;
    const settled = await policy
      .execute<Settled<T>>(async () => {
        try {
          return { value: await (trial ? within(work(), trialMs, refuse) : work()) };
        } catch (error) {
          if (leftBy(signal)) throw new GaveUp(error, trial);
          if (isFailure(error)) throw error;
          return { error };
        }
      })
      .catch((error: unknown) => ({ error: error instanceof GaveUp ? error.cause : error }));
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  return {
    ...{ name, run },
    state: () => STATES[policy.state],
    wrap:
      (next) =>
      (ctx, ...args) =>
        run(() => next(ctx, ...args), ctx.signal),
  };
}

/** Doubled by each trial that failed; a fifth of it is random, so that processes do not try together. */
function openFor(attempt: number, { openMs = 1_000, maxOpenMs = 30_000 }: BreakerOptions, random: () => number) {
  return Math.round(Math.min(maxOpenMs, openMs * 2 ** Math.min(attempt - 1, 30)) * (0.8 + 0.2 * random()));
}

/** The caller's own doing; a deadline that ran out is the other side's. */
function leftBy(signal: AbortSignal | undefined): boolean {
  if (signal?.aborted !== true) return false;
  const reason: unknown = signal.reason;
  const late = reason instanceof AppError || (reason instanceof DOMException && reason.name === 'TimeoutError');
  return !late || !isTrouble(reason);
}

function isTrouble(error: unknown): boolean {
  if (error instanceof AppError) return error.status >= 500 && error.code !== 'overloaded';
  return !(error instanceof PermanentError);
}

const unavailable = (name: string) => (retryAfterMs: number) => new BreakerOpen(name, retryAfterMs);

async function within<T>(promise: Promise<T>, ms: number, refuse: (retryAfterMs: number) => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(refuse(0)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
