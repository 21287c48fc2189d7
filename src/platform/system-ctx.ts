import { PERMISSIONS } from './auth/permissions.ts';
import type { Ctx } from './context.ts';
import { newTrace, parseTraceparent } from './telemetry/trace.ts';

const ALL: Ctx['permissions'] = new Set(PERMISSIONS);

/** A ctx in which Parley itself acts for a tenant: a consumer (`id` is its group), a job (its kind). */
export function systemCtx(options: {
  readonly tenantId: string;
  readonly id: string;
  /** What this work is found by in the log. */
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** The trace that caused it; without one a new trace begins, unsampled. */
  readonly traceparent?: string | null | undefined;
}): Ctx {
  const { tenantId, id, requestId, signal, traceparent } = options;
  return {
    tenantId,
    actor: { kind: 'system', id },
    roles: [],
    permissions: ALL,
    requestId,
    trace: parseTraceparent(traceparent ?? undefined) ?? newTrace(false),
    signal,
  };
}
