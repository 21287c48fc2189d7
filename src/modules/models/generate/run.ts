import { fullJitterMs } from '../../../lib/backoff.ts';
import { uuidv7 } from '../../../lib/ids.ts';
import type { Ctx } from '../../../platform/context.ts';
import { AppError } from '../../../platform/http/errors.ts';
import type { Logger } from '../../../platform/telemetry/log.ts';
import type { Traces } from '../../traces/index.ts';
import type { FinishReason, GenerateRequest, GenerateResult, Generation, Usage } from '../contract.ts';
import { explain } from './failures.ts';
import type { Observer } from './observe.ts';
import { BACKOFF, pause, RetryBudget } from './retry.ts';
import type { Part, Source } from './source.ts';
import { TextQueue } from './text-queue.ts';

export type Timeouts = {
  /** Until something comes from the model, its thoughts included. */
  readonly firstTokenMs: number;
  /** Between two pieces. */
  readonly idleMs: number;
  /** For all tries together, where the request says nothing. */
  readonly totalMs: number;
};

export const TIMEOUTS: Timeouts = { firstTokenMs: 120_000, idleMs: 60_000, totalMs: 120_000 };
const MAX_ATTEMPTS = 3;
/** A provider that asks to wait longer than this is not waited for. */
const MAX_RETRY_AFTER_MS = 20_000;
/** An answer longer than this is ended there (`length`). */
const MAX_TEXT_CHARS = 1_000_000;

const MAX_BUDGETS = 1_000;

type Deps = {
  readonly traces: Traces;
  readonly log: Logger;
  readonly timeouts: Timeouts;
  readonly observer: Observer;
  readonly resolve: (ctx: Ctx, model: string | undefined) => Promise<Source>;
};

/** What a generation has come to so far. */
type Progress = {
  source: Source | undefined;
  observed: ReturnType<Observer['start']> | undefined;
  attempts: number;
  text: string;
  /** Something was produced that is paid for. */
  produced: boolean;
  firstTokenAt: number | undefined;
  finish: Extract<Part, { type: 'finish' }> | undefined;
};

/** Makes the function that runs generations: finds the model, asks it, watches the clock, and records how it ended. */
export function createRunner(deps: Deps): (ctx: Ctx, request: GenerateRequest) => Generation {
  const budgets = new Map<string, RetryBudget>();
  const budgetOf = (provider: string): RetryBudget => {
    const budget = budgets.get(provider) ?? new RetryBudget();
    budgets.delete(provider);
    budgets.set(provider, budget);
    // Tenants name their own providers: the map must not grow with them.
    if (budgets.size > MAX_BUDGETS) budgets.delete(budgets.keys().next().value as string);
    return budget;
  };
  return (ctx, request) => {
    const left = new AbortController();
    const queue = new TextQueue(() => left.abort(new DOMException('The reader left.', 'AbortError')));
    const run = new Run(deps, ctx, request);
    const result = run.go(queue, left.signal, budgetOf);
    // Whoever only reads `text` gets the error there.
    result.catch(() => {});
    return { id: run.id, text: queue, result };
  };
}

class Run {
  readonly #deps: Deps;
  readonly #ctx: Ctx;
  readonly #request: GenerateRequest;
  readonly id = uuidv7();
  readonly #createdAt = new Date();
  readonly #startedAt = performance.now();
  readonly #progress: Progress = {
    source: undefined,
    observed: undefined,
    attempts: 0,
    text: '',
    produced: false,
    firstTokenAt: undefined,
    finish: undefined,
  };

  constructor(deps: Deps, ctx: Ctx, request: GenerateRequest) {
    this.#deps = deps;
    this.#ctx = ctx;
    this.#request = request;
  }

  async go(queue: TextQueue, left: AbortSignal, budgetOf: (provider: string) => RetryBudget): Promise<GenerateResult> {
    const late = new AbortController();
    const signal = AbortSignal.any([this.#ctx.signal, left, late.signal]);
    const totalMs = this.#request.timeoutMs ?? this.#deps.timeouts.totalMs;
    const deadline = this.#startedAt + totalMs;
    const total = setTimeout(() => late.abort(this.#timeout()), totalMs);
    try {
      signal.throwIfAborted();
      const source = await this.#deps.resolve({ ...this.#ctx, signal }, this.#request.model);
      this.#progress.source = source;
      this.#progress.observed = this.#deps.observer.start(source, this.#ctx.trace);
      const budget = budgetOf(`${this.#ctx.tenantId}/${source.provider}`);
      await this.#attempts({ source, queue, signal, late, budget, deadline });
      const result = await this.#succeed(source);
      queue.end();
      return result;
    } catch (thrown) {
      const error = await this.#fail(thrown, signal);
      queue.end({ error });
      throw error;
    } finally {
      clearTimeout(total);
    }
  }

  async #attempts(run: {
    source: Source;
    queue: TextQueue;
    signal: AbortSignal;
    late: AbortController;
    budget: RetryBudget;
    deadline: number;
  }): Promise<void> {
    const { source, signal, budget, deadline } = run;
    budget.deposit();
    for (;;) {
      this.#progress.attempts += 1;
      try {
        return await this.#attempt(run);
      } catch (thrown) {
        signal.throwIfAborted();
        const failure = explain(thrown, nameOf(source));
        const waitMs = failure.retryAfterMs ?? fullJitterMs(this.#progress.attempts, BACKOFF);
        const again =
          failure.retryable &&
          !this.#progress.produced &&
          this.#progress.attempts < MAX_ATTEMPTS &&
          waitMs <= MAX_RETRY_AFTER_MS &&
          performance.now() + waitMs < deadline &&
          budget.take();
        if (!again) throw failure.error;
        await pause(waitMs, signal);
      }
    }
  }

  async #attempt({
    source,
    queue,
    signal,
    late,
  }: {
    source: Source;
    queue: TextQueue;
    signal: AbortSignal;
    late: AbortController;
  }): Promise<void> {
    const { firstTokenMs, idleMs } = this.#deps.timeouts;
    let watch = setTimeout(() => late.abort(this.#timeout()), firstTokenMs);
    let waitsForFirst = true;
    try {
      for await (const part of source.open(this.#request, signal)) {
        if (part.type === 'finish') {
          this.#progress.finish = part;
          break;
        }
        if (part.type === 'text' || part.counts) {
          this.#progress.produced = true;
          if (waitsForFirst) {
            waitsForFirst = false;
            clearTimeout(watch);
            watch = setTimeout(() => late.abort(this.#timeout()), idleMs);
          }
        }
        if (!waitsForFirst) watch.refresh();
        if (part.type === 'text' && part.text !== '' && !this.#take(part.text, queue)) break;
      }
    } finally {
      clearTimeout(watch);
    }
    signal.throwIfAborted();
    if (this.#progress.finish === undefined)
      throw new AppError('model_unavailable', { message: `${source.provider} broke off its answer.` });
    if (this.#progress.text === '') refuseEmpty(this.#progress.finish.finishReason, source.provider);
  }

  /** False when the answer has become too long. */
  #take(text: string, queue: TextQueue): boolean {
    const room = MAX_TEXT_CHARS - this.#progress.text.length;
    const taken = text.slice(0, room);
    this.#progress.firstTokenAt ??= performance.now();
    this.#progress.text += taken;
    queue.push(taken);
    if (taken.length < text.length) this.#progress.finish = { type: 'finish', finishReason: 'length' };
    return taken.length === text.length;
  }

  async #succeed(source: Source): Promise<GenerateResult> {
    const { text, finish, firstTokenAt } = this.#progress as Progress & { finish: NonNullable<Progress['finish']> };
    const usage = this.#usage();
    const costNanoUsd = await this.#cost(usage);
    const durationMs = Math.round(performance.now() - this.#startedAt);
    await this.#record({ status: 'succeeded', errorCode: null, usage, costNanoUsd, durationMs });
    return {
      text,
      model: source.id,
      provider: source.provider,
      rehearsal: source.rehearsal,
      finishReason: finish.finishReason,
      usage,
      costNanoUsd,
      timeToFirstTokenMs: firstTokenAt === undefined ? durationMs : Math.round(firstTokenAt - this.#startedAt),
      durationMs,
      generationId: this.id,
      ...(finish.citations === undefined ? {} : { citations: finish.citations }),
    };
  }

  /** Records what came of it, and says which error the caller is to get. */
  async #fail(thrown: unknown, signal: AbortSignal): Promise<unknown> {
    const { source } = this.#progress;
    const reason: unknown = signal.aborted ? signal.reason : thrown;
    const stopped = signal.aborted && !(reason instanceof AppError);
    const error = stopped || source === undefined ? reason : explain(reason, nameOf(source)).error;
    if (source !== undefined) {
      const usage = this.#usage();
      const outcome = stopped
        ? { status: 'aborted' as const, errorCode: null }
        : { status: 'failed' as const, errorCode: error instanceof AppError ? error.code : 'internal' };
      const durationMs = Math.round(performance.now() - this.#startedAt);
      await this.#record({ ...outcome, usage, costNanoUsd: await this.#cost(usage), durationMs });
    }
    return error;
  }

  #timeout(): AppError {
    const { source, text } = this.#progress;
    return new AppError('model_timeout', {
      message: `${source?.provider ?? 'The model'} did not ${text === '' ? 'answer' : 'finish its answer'} in time.`,
    });
  }

  /** The provider's counts; where it told none, four bytes a token of what was sent and received. */
  #usage(): Usage & { cachedInputTokens?: number } {
    const { finish, produced, text } = this.#progress;
    if (finish?.usage !== undefined) return { ...finish.usage, estimated: false };
    const asked = produced || finish !== undefined;
    const sent = this.#request.messages.map(({ content }) => content).join('\n');
    return { inputTokens: asked ? estimateTokens(sent) : 0, outputTokens: estimateTokens(text), estimated: true };
  }

  async #cost({
    inputTokens,
    outputTokens,
    cachedInputTokens,
  }: Usage & { cachedInputTokens?: number }): Promise<number | null> {
    const { source } = this.#progress;
    if (source === undefined) return null;
    const { provider, providerModel: model, baseUrl } = source;
    return this.#deps.traces.price(
      {
        provider,
        model,
        inputTokens,
        outputTokens,
        ...(baseUrl && { baseUrl }),
        ...(cachedInputTokens && { cachedInputTokens }),
      },
      this.#createdAt,
    );
  }

  async #record(outcome: {
    status: 'succeeded' | 'failed' | 'aborted';
    errorCode: string | null;
    usage: Usage;
    costNanoUsd: number | null;
    durationMs: number;
  }): Promise<void> {
    const { source, text, firstTokenAt, finish, attempts } = this.#progress as Progress & { source: Source };
    const { kind, agentId, discussionId, turn } = this.#request.purpose;
    const timeToFirstTokenMs = firstTokenAt === undefined ? undefined : Math.round(firstTokenAt - this.#startedAt);
    this.#progress.observed?.end({ ...outcome, ...outcome.usage, timeToFirstTokenMs });
    try {
      await this.#deps.traces.record(this.#ctx, {
        id: this.id,
        model: source.id,
        provider: source.provider,
        rehearsal: source.rehearsal,
        kind,
        status: outcome.status,
        error_code: outcome.errorCode,
        finish_reason: finish?.finishReason ?? null,
        input_tokens: outcome.usage.inputTokens,
        output_tokens: outcome.usage.outputTokens,
        tokens_estimated: outcome.usage.estimated,
        output_characters: text.length,
        cost_nano_usd: outcome.costNanoUsd,
        attempts,
        time_to_first_token_ms: timeToFirstTokenMs ?? null,
        duration_ms: outcome.durationMs,
        agent_id: agentId ?? null,
        discussion_id: discussionId ?? null,
        turn: turn ?? null,
        created_at: this.#createdAt,
      });
    } catch (error) {
      // The answer exists and is paid for: it is given all the same, and the log says what the record would have.
      this.#deps.log.error('A generation could not be recorded', {
        tenant_id: this.#ctx.tenantId,
        request_id: this.#ctx.requestId,
        code: outcome.errorCode ?? outcome.status,
        duration_ms: outcome.durationMs,
        error,
      });
    }
  }
}

const nameOf = ({ provider, secret }: Source) => ({ provider, ...(secret === undefined ? {} : { secret }) });

function refuseEmpty(reason: FinishReason, provider: string): void {
  if (reason === 'content_filter')
    throw new AppError('model_content_filter', { message: `${provider} filtered its whole answer.` });
  if (reason === 'length') {
    throw new AppError('model_refused', { message: `${provider} used up the token limit before it said anything.` });
  }
}

/** Four bytes of UTF-8 a token: near enough for what is shown as an estimate. */
export const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / 4);
