import {
  type Context,
  type Span as OtelSpan,
  SpanKind as OtelSpanKind,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Trace } from '../context.ts';
import type { Span, SpanKind, SpanSource } from './trace.ts';

const KINDS: Record<SpanKind, OtelSpanKind> = {
  internal: OtelSpanKind.INTERNAL,
  server: OtelSpanKind.SERVER,
  client: OtelSpanKind.CLIENT,
};

/** At most this many finished spans wait for the collector; more are dropped. */
const QUEUE_SPANS = 2048;
const EXPORT_TIMEOUT_MS = 10_000;

/**
 * Exports spans as OTLP over HTTP. Imported only when an endpoint is set: the SDK takes 60 ms to load.
 * `endpoint` is the collector's base address, as `OTEL_EXPORTER_OTLP_ENDPOINT` means it; `/v1/traces` is added.
 */
export function otlpSpans(options: {
  readonly endpoint: string;
  readonly serviceName: string;
  readonly serviceVersion: string;
  /** How long spans are gathered; default 2,000. */
  readonly delayMs?: number;
}): SpanSource {
  const provider = new TracerProvider({
    // Who calls has decided already (trace.ts).
    sampler: new AlwaysOnSampler(),
    resource: resourceFromAttributes({
      'service.name': options.serviceName,
      'service.version': options.serviceVersion,
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({
          url: `${options.endpoint.replace(/\/+$/, '')}/v1/traces`,
          timeoutMillis: EXPORT_TIMEOUT_MS,
        }),
        maxQueueSize: QUEUE_SPANS,
        scheduledDelayMillis: options.delayMs ?? 2_000,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('parley', options.serviceVersion);
  return {
    start: (name, parent, kind, attributes) =>
      new ExportedSpan(tracer.startSpan(name, { kind: KINDS[kind], attributes: { ...attributes } }, below(parent))),
    close: () => provider.shutdown(),
  };
}

function below(parent: Trace | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const spanContext: SpanContext = {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  };
  return trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

class ExportedSpan implements Span {
  readonly trace: Trace;
  readonly #span: OtelSpan;

  constructor(span: OtelSpan) {
    this.#span = span;
    const { traceId, spanId } = span.spanContext();
    this.trace = { traceId, spanId, sampled: true };
  }

  set(name: string, value: string | number | boolean): void {
    this.#span.setAttribute(name, value);
  }

  fail(error: unknown): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR });
    if (error instanceof Error) {
      const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
      this.#span.setAttribute('error.type', code);
    }
  }

  end(): void {
    this.#span.end();
  }
}
