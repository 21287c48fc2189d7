import type { Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import * as deliveries from './deliveries/store.ts';
import { webhookDisabled } from './events.ts';
import { disableWebhook } from './store.ts';

/** Turns a webhook off by itself, and what waits for it. Answers false when it was off already. */
export async function turnOff(tx: Tx, id: string, reason: 'gone' | 'failing' | 'backlog'): Promise<boolean> {
  const row = await disableWebhook(tx, id, reason);
  if (row === undefined) return false;
  await deliveries.cancelPending(tx, id);
  const failing_since = row.failing_since?.toISOString() ?? null;
  const data = { webhook_id: id, host: new URL(row.url).host, reason, failing_since };
  append(tx, webhookDisabled, { stream: `webhooks/${id}`, subject: id, data });
  return true;
}
