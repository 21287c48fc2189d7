import type { Tracer } from '../../telemetry/trace.ts';
import type { Handle } from './delivery.ts';

/** A span below the trace in which the event was announced. */
export function traced(next: Handle, tracer: Tracer): Handle {
  return (delivery) => {
    const { ctx, group, event } = delivery;
    return tracer.within(`${group} ${event.type}`, ctx.trace, (span) =>
      next({ ...delivery, ctx: { ...ctx, trace: span.trace } }),
    );
  };
}
