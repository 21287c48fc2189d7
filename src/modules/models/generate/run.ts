import { uuidv7 } from '../../../lib/ids.ts';
import type { Ctx } from '../../../platform/context.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { createRetryBudget, type RetryBudget } from '../../../platform/reliability/budget.ts';
import type { GenerateRequest, GenerateResult, Generation, InVain } from '../contract.ts';
import { isPassedOn, Rests } from './rests.ts';
import type { Source } from './source.ts';
import { TextQueue } from './text-queue.ts';
import { type Account, type Timeouts, Try, type TryDeps } from './try.ts';

export type { Timeouts } from './try.ts';
export const TIMEOUTS: Timeouts = { firstTokenMs: 120_000, idleMs: 60_000, totalMs: 120_000 };

const MAX_BUDGETS = 1_000;

type Deps = TryDeps & { readonly resolve: (ctx: Ctx, model: string | undefined) => Promise<Source> };

/** What the generations of one process share. */
type Shared = Deps & { readonly budgetOf: (provider: string) => RetryBudget; readonly rests: Rests };

/** Makes the function that runs generations: finds the models, asks them, watches the clock, and records how it ended. */
export function createRunner(deps: Deps): (ctx: Ctx, request: GenerateRequest) => Generation {
  const budgets = new Map<string, RetryBudget>();
  const budgetOf = (provider: string): RetryBudget => {
    const budget = budgets.get(provider) ?? createRetryBudget();
    budgets.delete(provider);
    budgets.set(provider, budget);
    // Tenants name their own providers: the map must not grow with them.
    if (budgets.size > MAX_BUDGETS) budgets.delete(budgets.keys().next().value as string);
    return budget;
  };
  const shared: Shared = { ...deps, budgetOf, rests: new Rests() };
  return (ctx, request) => {
    const left = new AbortController();
    const queue = new TextQueue(() => left.abort(new DOMException('The reader left.', 'AbortError')));
    const run = new Run(shared, { ctx, request, queue });
    const result = run.go(left.signal);
    // Whoever only reads `text` gets the error there.
    result.catch(() => {});
    return { id: run.id, inVain: run.inVain, text: queue, result };
  };
}

type Asked = { readonly ctx: Ctx; readonly request: GenerateRequest; readonly queue: TextQueue };
type Model = string | undefined;

/** One answer, of the first model that can be had. */
class Run {
  /** Of the record of the model that ended it, whichever that will be. */
  readonly id: string;
  readonly inVain: InVain[] = [];
  readonly #shared: Shared;
  readonly #asked: Asked;
  readonly #startedAt = performance.now();
  readonly #deadline: number;
  readonly #models: readonly Model[];
  /** One for each model that may be tried in vain. */
  readonly #ids: readonly string[];
  #current: Try | undefined;

  constructor(shared: Shared, asked: Asked) {
    this.#shared = shared;
    this.#asked = asked;
    this.#models = [...new Set([asked.request.model, ...(asked.request.fallbacks ?? [])])];
    // Records are listed by their ids: those of the first models come before that of the last, whichever that will be.
    const now = Date.now();
    this.#ids = this.#models.slice(1).map((_, at, all) => uuidv7(now - all.length + at));
    this.id = uuidv7(now);
    this.#deadline = this.#startedAt + this.#totalMs;
  }

  get #totalMs(): number {
    return this.#asked.request.timeoutMs ?? this.#shared.timeouts.totalMs;
  }

  async go(left: AbortSignal): Promise<GenerateResult> {
    const { ctx, queue } = this.#asked;
    const late = new AbortController();
    const signal = AbortSignal.any([ctx.signal, left, late.signal]);
    const total = setTimeout(
      () => late.abort(this.#current?.timeout() ?? new AppError('model_timeout')),
      this.#totalMs,
    );
    try {
      const result = await this.#first(signal);
      queue.end();
      return result;
    } catch (error) {
      queue.end({ error });
      throw error;
    } finally {
      clearTimeout(total);
    }
  }

  /** The models in their order, until one answers. A word that was said is never taken back. */
  async #first(signal: AbortSignal): Promise<GenerateResult> {
    for (const [at, model] of this.#models.entries()) {
      const left = this.#models.length - at;
      const source = await this.#find(model, { signal, isLast: left === 1 });
      const result = source && (await this.#try(source, { signal, left }));
      if (result) return result;
    }
    throw new AppError('model_unavailable');
  }

  /** Undefined when it is of no use and another is left. */
  async #find(model: Model, { signal, isLast }: { signal: AbortSignal; isLast: boolean }): Promise<Source | undefined> {
    const { resolve, rests } = this.#shared;
    const { ctx } = this.#asked;
    try {
      signal.throwIfAborted();
      const source = await resolve({ ...ctx, signal }, model);
      const resting = isLast ? undefined : rests.of(ctx.tenantId, source);
      if (resting === undefined) return source;
      this.inVain.push({ model: source.id, code: resting });
      return undefined;
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      if (isLast || !(thrown instanceof AppError) || thrown.code !== 'model_not_found') throw this.#told(thrown);
      this.inVain.push({ model: model ?? 'default', code: thrown.code });
      return undefined;
    }
  }

  /** Undefined when it said nothing and another is to be asked. */
  async #try(
    source: Source,
    { signal, left }: { signal: AbortSignal; left: number },
  ): Promise<GenerateResult | undefined> {
    const { rests, budgetOf } = this.#shared;
    const { ctx, request, queue } = this.#asked;
    const { tenantId } = ctx;
    const now = performance.now();
    const one = new Try(this.#shared, {
      ...{ ctx, request, source, queue, signal },
      budget: budgetOf(`${tenantId}/${source.provider}`),
      // Those that follow must find time of their own; what begins to answer may go on to the end.
      beginBy: now + (this.#deadline - now) / left,
      othersFollow: left > 1,
      startedAt: this.inVain.length === 0 ? this.#startedAt : now,
    });
    this.#current = one;
    try {
      await one.run();
    } catch (error) {
      if (error instanceof AppError) rests.failed(tenantId, source, error);
      const goesOn =
        left > 1 && one.text === '' && !signal.aborted && error instanceof AppError && isPassedOn(error.code);
      const account = await one.record(goesOn ? (this.#ids[this.inVain.length] as string) : this.id, error);
      if (!goesOn) throw this.#told(error);
      this.inVain.push({ model: source.id, code: error.code, ...account });
      return undefined;
    }
    rests.answered(tenantId, source);
    return this.#resultOf(one, await one.record(this.id));
  }

  #resultOf(one: Try, { id, usage, costNanoUsd }: Account): GenerateResult {
    const { source, text, firstTokenAt } = one;
    const finish = one.finish as NonNullable<Try['finish']>;
    const durationMs = Math.round(performance.now() - this.#startedAt);
    return {
      text,
      model: source.id,
      provider: source.provider,
      rehearsal: source.rehearsal,
      finishReason: finish.finishReason,
      ...{ usage, costNanoUsd },
      timeToFirstTokenMs: firstTokenAt === undefined ? durationMs : Math.round(firstTokenAt - this.#startedAt),
      durationMs,
      generationId: id,
      ...(finish.citations === undefined ? {} : { citations: finish.citations }),
      ...(this.inVain.length === 0 ? {} : { inVain: [...this.inVain] }),
    };
  }

  /** What the caller is told of a failure: with the models that had failed before, where there were some. */
  #told(error: unknown): unknown {
    if (!(error instanceof AppError) || this.inVain.length === 0) return error;
    const before = this.inVain.map(({ model, code }) => ({ model, code }));
    return new AppError(error.code, {
      message: `${error.message} Before it: ${before.map(({ model, code }) => `${model} (${code})`).join(', ')}.`,
      details: { ...(error.details as object | undefined), fallbacks: before },
      headers: { ...error.headers },
      cause: error,
    });
  }
}
