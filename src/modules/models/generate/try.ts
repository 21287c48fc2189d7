import { fullJitterMs } from '../../../lib/backoff.ts';
import type { Ctx } from '../../../platform/context.ts';
import { AppError } from '../../../platform/http/errors.ts';
import type { RetryBudget } from '../../../platform/reliability/budget.ts';
import { monotonic } from '../../../platform/reliability/time.ts';
import type { Logger } from '../../../platform/telemetry/log.ts';
import type { Traces } from '../../traces/index.ts';
import type { FinishReason, GenerateRequest, Usage } from '../contract.ts';
import { explain } from './failures.ts';
import type { Observer } from './observe.ts';
import type { Part, Source } from './source.ts';
import type { TextQueue } from './text-queue.ts';

export type Timeouts = {
  /** Until something comes from the model, its thoughts included. */
  readonly firstTokenMs: number;
  /** Between two pieces. */
  readonly idleMs: number;
  /** For all tries together, where the request says nothing. */
  readonly totalMs: number;
};

/** How often a model is asked that fails before it says a word. */
const MAX_ATTEMPTS = 3;
/** The same, where another model is there to take its place: a broken line is mended, an outage is not waited for. */
const ATTEMPTS_BEFORE_OTHERS = 2;
/** Between tries, where the provider does not say. */
const BACKOFF = { baseMs: 250, capMs: 4_000 };
/** A provider that asks to wait longer than this is not waited for. */
const MAX_WAIT_MS = 20_000;
const MAX_WAIT_BEFORE_OTHERS_MS = 1_000;
/** An answer longer than this, or than the request says, is ended there (`length`). */
const MAX_TEXT_CHARS = 1_000_000;

export type TryDeps = {
  readonly traces: Traces;
  readonly log: Logger;
  readonly timeouts: Timeouts;
  readonly observer: Observer;
};

type Asking = {
  readonly ctx: Ctx;
  readonly request: GenerateRequest;
  readonly source: Source;
  readonly budget: RetryBudget;
  readonly queue: TextQueue;
  /** Aborts when nobody wants the answer any more, or its time is over. */
  readonly signal: AbortSignal;
  /** When the model must have begun to answer, by `performance.now()`. */
  readonly beginBy: number;
  /** Whether another model is asked when this one cannot be had. */
  readonly othersFollow: boolean;
  /** By `performance.now()`. */
  readonly startedAt: number;
};

/** What one model came to: its usage and what became of it. */
export type Account = {
  readonly id: string;
  readonly usage: Usage;
  readonly costNanoUsd: number | null;
};

/** One model asked for one answer: again, where that may help, until it has begun to answer. Recorded by `record`. */
export class Try {
  readonly source: Source;
  readonly #deps: TryDeps;
  readonly #a: Asking;
  readonly #late = new AbortController();
  readonly #signal: AbortSignal;
  readonly #createdAt = new Date();
  readonly #observed: ReturnType<Observer['start']>;
  #attempts = 0;
  /** Something was produced that is paid for. */
  #produced = false;
  #text = '';
  #firstTokenAt: number | undefined;
  #finish: Extract<Part, { type: 'finish' }> | undefined;

  constructor(deps: TryDeps, asking: Asking) {
    this.#deps = deps;
    this.#a = asking;
    this.source = asking.source;
    this.#signal = AbortSignal.any([asking.signal, this.#late.signal]);
    this.#observed = deps.observer.start(asking.source, asking.ctx.trace);
  }

  get text(): string {
    return this.#text;
  }

  get firstTokenAt(): number | undefined {
    return this.#firstTokenAt;
  }

  get finish(): Extract<Part, { type: 'finish' }> | undefined {
    return this.#finish;
  }

  /** Resolves when it has answered. Rejects with what the caller is to be told: an AppError, or why it was stopped. */
  async run(): Promise<void> {
    try {
      await this.#ask();
    } catch (thrown) {
      const reason: unknown = this.#signal.aborted ? this.#signal.reason : thrown;
      throw this.#wasStopped(reason) ? reason : explain(reason, nameOf(this.source)).error;
    }
  }

  /** Why this model is given up when its time is over. */
  timeout(): AppError {
    const { provider } = this.source;
    return new AppError('model_timeout', {
      message: `${provider} did not ${this.#text === '' ? 'answer' : 'finish its answer'} in time.`,
    });
  }

  /** Keeps what came of it under this id. `error` is what `run` threw, if it did. */
  async record(id: string, error?: unknown): Promise<Account> {
    const usage = this.#usage();
    const costNanoUsd = await this.#cost(usage);
    const outcome =
      error === undefined
        ? { status: 'succeeded' as const, errorCode: null }
        : this.#wasStopped(error)
          ? { status: 'aborted' as const, errorCode: null }
          : { status: 'failed' as const, errorCode: error instanceof AppError ? error.code : 'internal' };
    const durationMs = Math.round(performance.now() - this.#a.startedAt);
    await this.#record({ id, ...outcome, usage, costNanoUsd, durationMs });
    const { inputTokens, outputTokens, estimated } = usage;
    return { id, usage: { inputTokens, outputTokens, estimated }, costNanoUsd };
  }

  #wasStopped(reason: unknown): boolean {
    return this.#signal.aborted && !(reason instanceof AppError);
  }

  async #ask(): Promise<void> {
    const { source, budget, beginBy, othersFollow } = this.#a;
    const maxAttempts = othersFollow ? ATTEMPTS_BEFORE_OTHERS : MAX_ATTEMPTS;
    const maxWaitMs = othersFollow ? MAX_WAIT_BEFORE_OTHERS_MS : MAX_WAIT_MS;
    budget.deposit();
    for (;;) {
      this.#attempts += 1;
      try {
        return await this.#attempt();
      } catch (thrown) {
        this.#signal.throwIfAborted();
        const failure = explain(thrown, nameOf(source));
        const waitMs = failure.retryAfterMs ?? fullJitterMs(this.#attempts, BACKOFF);
        const again =
          failure.retryable &&
          !this.#produced &&
          this.#attempts < maxAttempts &&
          waitMs <= maxWaitMs &&
          performance.now() + waitMs < beginBy &&
          budget.take();
        if (!again) throw failure.error;
        await monotonic.sleep(waitMs, this.#signal);
      }
    }
  }

  async #attempt(): Promise<void> {
    const { source, request, beginBy } = this.#a;
    const { firstTokenMs, idleMs } = this.#deps.timeouts;
    const tooLate = () => this.#late.abort(this.timeout());
    let watch = setTimeout(tooLate, Math.max(1, Math.min(firstTokenMs, beginBy - performance.now())));
    let waitsForFirst = true;
    try {
      for await (const part of source.open(request, this.#signal)) {
        if (part.type === 'finish') {
          this.#finish = part;
          break;
        }
        if (part.type === 'text' || part.counts) {
          this.#produced = true;
          if (waitsForFirst) {
            waitsForFirst = false;
            clearTimeout(watch);
            watch = setTimeout(tooLate, idleMs);
          }
        }
        if (!waitsForFirst) watch.refresh();
        if (part.type === 'text' && part.text !== '' && !this.#take(part.text)) break;
      }
    } finally {
      clearTimeout(watch);
    }
    this.#signal.throwIfAborted();
    if (this.#finish === undefined)
      throw new AppError('model_unavailable', { message: `${source.provider} broke off its answer.` });
    if (this.#text === '') refuseEmpty(this.#finish.finishReason, source.provider);
  }

  /** False when the answer has become too long. */
  #take(text: string): boolean {
    const max = Math.min(MAX_TEXT_CHARS, this.#a.request.maxChars ?? MAX_TEXT_CHARS);
    const taken = text.slice(0, Math.max(0, max - this.#text.length));
    this.#firstTokenAt ??= performance.now();
    this.#text += taken;
    this.#a.queue.push(taken);
    if (taken.length < text.length) this.#finish = { type: 'finish', finishReason: 'length' };
    return taken.length === text.length;
  }

  /** The provider's counts; where it told none, four bytes a token of what was sent and received. */
  #usage(): Usage & { cachedInputTokens?: number } {
    const finish = this.#finish;
    if (finish?.usage !== undefined) return { ...finish.usage, estimated: false };
    const asked = this.#produced || finish !== undefined;
    const sent = this.#a.request.messages.map(({ content }) => content).join('\n');
    return { inputTokens: asked ? estimateTokens(sent) : 0, outputTokens: estimateTokens(this.#text), estimated: true };
  }

  #cost({
    inputTokens,
    outputTokens,
    cachedInputTokens,
  }: Usage & { cachedInputTokens?: number }): Promise<number | null> {
    const { provider, providerModel: model, baseUrl } = this.source;
    const told = { ...(baseUrl && { baseUrl }), ...(cachedInputTokens && { cachedInputTokens }) };
    return this.#deps.traces.price({ provider, model, inputTokens, outputTokens, ...told }, this.#createdAt);
  }

  async #record(outcome: {
    id: string;
    status: 'succeeded' | 'failed' | 'aborted';
    errorCode: string | null;
    usage: Usage;
    costNanoUsd: number | null;
    durationMs: number;
  }): Promise<void> {
    const { ctx, request, startedAt, source } = this.#a;
    const { kind, agentId, discussionId, turn } = request.purpose;
    const timeToFirstTokenMs =
      this.#firstTokenAt === undefined ? undefined : Math.round(this.#firstTokenAt - startedAt);
    this.#observed.end({ ...outcome, ...outcome.usage, timeToFirstTokenMs });
    try {
      await this.#deps.traces.record(ctx, {
        id: outcome.id,
        model: source.id,
        provider: source.provider,
        rehearsal: source.rehearsal,
        kind,
        status: outcome.status,
        error_code: outcome.errorCode,
        finish_reason: this.#finish?.finishReason ?? null,
        input_tokens: outcome.usage.inputTokens,
        output_tokens: outcome.usage.outputTokens,
        tokens_estimated: outcome.usage.estimated,
        output_characters: this.#text.length,
        cost_nano_usd: outcome.costNanoUsd,
        attempts: this.#attempts,
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
        tenant_id: ctx.tenantId,
        request_id: ctx.requestId,
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
