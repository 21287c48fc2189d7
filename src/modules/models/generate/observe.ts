import type { Trace } from '../../../platform/context.ts';
import type { Metrics } from '../../../platform/telemetry/metrics.ts';
import type { Span, Tracer } from '../../../platform/telemetry/trace.ts';
import type { Source } from './source.ts';

/** How a generation ended, for metrics and the span. */
export type Ended = {
  readonly status: 'succeeded' | 'failed' | 'aborted';
  readonly errorCode: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Null: nobody knows what it costs. */
  readonly costNanoUsd: number | null;
  readonly timeToFirstTokenMs: number | undefined;
  readonly durationMs: number;
};

/** Measures generations. */
export type Observer = {
  start(source: Source, parent: Trace): { end(ended: Ended): void };
};

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120];
const KNOWN: ReadonlySet<string> = new Set(['openai', 'anthropic', 'google', 'local', 'rehearsal']);

export function createObserver({ metrics, tracer }: { metrics: Metrics; tracer: Tracer }): Observer {
  const total = metrics.counter({
    name: 'model_generations_total',
    help: 'Model calls by how they ended.',
    labels: ['provider', 'outcome'],
  });
  const tokens = metrics.counter({
    name: 'model_tokens_total',
    help: 'Tokens that went into models and came out of them, estimated ones included.',
    labels: ['provider', 'direction'],
  });
  const cost = metrics.counter({
    name: 'model_cost_usd_total',
    help: 'What model calls cost by the price list, in US dollars; calls whose price is not known count as nothing.',
    labels: ['provider'],
  });
  const first = metrics.histogram({
    name: 'model_first_token_seconds',
    help: 'From the request to the first token of an answer.',
    labels: ['provider'],
    buckets: SECONDS,
  });
  const duration = metrics.histogram({
    name: 'model_generation_seconds',
    help: 'From the request to the end of the answer, however it ended.',
    labels: ['provider'],
    buckets: SECONDS,
  });
  return {
    start(source, parent) {
      const span = startSpan(tracer, source, parent);
      // Tenants name providers of their own: their names are no labels.
      const provider = KNOWN.has(source.provider) ? source.provider : 'other';
      return {
        end({ status, errorCode, inputTokens, outputTokens, costNanoUsd, timeToFirstTokenMs, durationMs }) {
          total.labels(provider, errorCode ?? status).inc();
          tokens.labels(provider, 'input').inc(inputTokens);
          tokens.labels(provider, 'output').inc(outputTokens);
          if (costNanoUsd !== null) cost.labels(provider).inc(costNanoUsd / 1e9);
          if (timeToFirstTokenMs !== undefined) first.labels(provider).observe(timeToFirstTokenMs / 1000);
          duration.labels(provider).observe(durationMs / 1000);
          span.set('gen_ai.usage.input_tokens', inputTokens);
          span.set('gen_ai.usage.output_tokens', outputTokens);
          if (status === 'failed') span.fail(errorCode);
          span.end();
        },
      };
    },
  };
}

/** Named as OpenTelemetry's conventions for generative models name it. */
function startSpan(tracer: Tracer, source: Source, parent: Trace): Span {
  return tracer.start(`chat ${source.providerModel}`, parent, {
    kind: 'client',
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': source.provider,
      'gen_ai.request.model': source.providerModel,
    },
  });
}
