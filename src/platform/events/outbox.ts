import type { Static, TSchema } from 'typebox';
import { uuidv7 } from '../../lib/ids.ts';
import type { SystemTx, Tx } from '../db/queries.ts';
import type { EventType } from './define.ts';

type Announcement<S extends TSchema> = {
  /** The ordering key and live channel: `{topic}/{id}`. */
  readonly stream: string;
  /** What the event is about, usually an id. */
  readonly subject: string;
  readonly data: Static<S>;
};

/**
 * Announces an event with the transaction's commit: it is in the log if and only if the transaction committed.
 * Returns the event's id.
 */
export function append<S extends TSchema>(tx: Tx, type: EventType<S>, announcement: Announcement<S>): string {
  const { traceId, spanId, sampled } = tx.ctx.trace;
  return push(tx, tx.ctx.tenantId, type, announcement, `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`);
}

/** The same from a system transaction, which names the tenant itself. */
export function appendFor<S extends TSchema>(
  tx: SystemTx,
  tenantId: string,
  type: EventType<S>,
  announcement: Announcement<S>,
): string {
  return push(tx, tenantId, type, announcement, undefined);
}

function push<S extends TSchema>(
  tx: Tx | SystemTx,
  tenantId: string,
  { type, version, topic }: EventType<S>,
  { stream, subject, data }: Announcement<S>,
  traceparent: string | undefined,
): string {
  const id = uuidv7();
  tx.pendingEvents.push({ id, tenantId, type, version, topic, stream, subject, data, time: new Date(), traceparent });
  return id;
}
