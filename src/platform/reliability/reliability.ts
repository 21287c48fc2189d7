import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Breaker, type BreakerOptions, type BreakerState, createBreaker } from './breaker.ts';
import { createRetryBudget, type RetryBudget } from './budget.ts';
import { type Bulkhead, type BulkheadOptions, createBulkhead } from './bulkhead.ts';
import { type RetryOptions, retry } from './retry.ts';
import type { Wrapper } from './wrapper.ts';

/** What the system page shows of them. */
export type ReliabilitySnapshot = {
  readonly breakers: readonly { readonly name: string; readonly state: BreakerState }[];
  readonly bulkheads: readonly {
    readonly name: string;
    readonly limit: number;
    readonly inUse: number;
    readonly waiting: number;
  }[];
  readonly budgets: readonly { readonly name: string; readonly retriesLeft: number }[];
};

/**
 * The process's policies, each under a name of its own, with their metrics. For what is known when the program starts:
 * a name is a label, so whatever tenants may add to (a webhook's address) uses `createBreaker` and its kin by itself.
 */
export type Reliability = {
  breaker(options: Omit<BreakerOptions, 'onState' | 'onRefusal'>): Breaker;
  bulkhead(options: Omit<BulkheadOptions, 'onRefusal'>): Bulkhead;
  /** With a budget of its own: a fifth of the calls, unless told otherwise. */
  retry(options: { readonly name: string; readonly ratio?: number } & Omit<RetryOptions, 'budget'>): Wrapper;
  snapshot(): ReliabilitySnapshot;
};

const STATE_NUMBERS: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

export function createReliability({ metrics, log }: { metrics: Metrics; log: Logger }): Reliability {
  const breakers = new Map<string, Breaker>();
  const bulkheads = new Map<string, Bulkhead>();
  const budgets = new Map<string, RetryBudget>();
  const count = counters(metrics);
  measure(metrics, { breakers, bulkheads, budgets });

  return {
    breaker(options) {
      const { name } = options;
      const refused = count.breakerRefused.labels(name);
      const opened = count.breakerOpened.labels(name);
      const onState = (state: BreakerState) => {
        if (state === 'open') opened.inc();
        if (state === 'open') log.warn('a breaker has opened', { component: name });
        if (state === 'closed') log.info('a breaker has closed', { component: name });
      };
      return add(breakers, name, createBreaker({ ...options, onState, onRefusal: () => refused.inc() }));
    },
    bulkhead(options) {
      const refused = count.bulkheadRefused.labels(options.name);
      return add(bulkheads, options.name, createBulkhead({ ...options, onRefusal: () => refused.inc() }));
    },
    retry({ name, ratio, ...options }) {
      const budget = add(budgets, name, createRetryBudget({ ...(ratio !== undefined && { ratio }) }));
      const retried = count.retried.labels(name);
      return retry({
        ...options,
        budget,
        onRetry: (...args) => {
          retried.inc();
          options.onRetry?.(...args);
        },
        onRefusal: (refusal) => {
          count.retryRefused.labels(name, refusal).inc();
          options.onRefusal?.(refusal);
        },
      });
    },
    snapshot: () => ({
      breakers: [...breakers.values()].map(({ name, state }) => ({ name, state: state() })),
      bulkheads: [...bulkheads.values()].map(({ name, limit, inUse, waiting }) => ({
        ...{ name, limit },
        ...{ inUse: inUse(), waiting: waiting() },
      })),
      budgets: [...budgets].map(([name, { tokens }]) => ({ name, retriesLeft: tokens() })),
    }),
  };
}

function add<T>(to: Map<string, T>, name: string, part: T): T {
  if (to.has(name)) throw new Error(`There are two policies named ${name}`);
  to.set(name, part);
  return part;
}

const counters = (metrics: Metrics) => ({
  breakerRefused: metrics.counter({
    name: 'breaker_refused_total',
    help: 'Calls that were not made because the breaker was open.',
    labels: ['name'],
  }),
  breakerOpened: metrics.counter({
    name: 'breaker_opened_total',
    help: 'How often the breaker has opened.',
    labels: ['name'],
  }),
  bulkheadRefused: metrics.counter({
    name: 'bulkhead_refused_total',
    help: 'Calls that were refused because too many waited already.',
    labels: ['name'],
  }),
  retried: metrics.counter({
    name: 'retry_attempts_total',
    help: 'Calls that were made again after they had failed.',
    labels: ['name'],
  }),
  retryRefused: metrics.counter({
    name: 'retry_refused_total',
    help: 'Failed calls that were not made again, by what was used up: attempts, budget or deadline.',
    labels: ['name', 'reason'],
  }),
});

type Parts = {
  readonly breakers: ReadonlyMap<string, Breaker>;
  readonly bulkheads: ReadonlyMap<string, Bulkhead>;
  readonly budgets: ReadonlyMap<string, RetryBudget>;
};

function measure(metrics: Metrics, { breakers, bulkheads, budgets }: Parts): void {
  metrics.gauge({
    name: 'breaker_state',
    help: 'State of the breaker: 0 closed, 1 half open (one call tries whether the service is back), 2 open.',
    labels: ['name'],
    collect: (gauge) => {
      for (const { name, state } of breakers.values()) gauge.labels(name).set(STATE_NUMBERS[state()]);
    },
  });
  metrics.gauge({
    name: 'bulkhead_calls',
    help: 'Calls that run behind the bulkhead (in_use), that wait for it (waiting), and how many may run (limit).',
    labels: ['name', 'state'],
    collect: (gauge) => {
      for (const { name, limit, inUse, waiting } of bulkheads.values()) {
        gauge.labels(name, 'in_use').set(inUse());
        gauge.labels(name, 'waiting').set(waiting());
        gauge.labels(name, 'limit').set(limit);
      }
    },
  });
  metrics.gauge({
    name: 'retry_budget',
    help: 'How many calls could be made again now, within the budget of a fifth of all calls.',
    labels: ['name'],
    collect: (gauge) => {
      for (const [name, { tokens }] of budgets) gauge.labels(name).set(tokens());
    },
  });
}
