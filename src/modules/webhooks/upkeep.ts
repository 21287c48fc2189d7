import type { Db } from '../../platform/db/queries.ts';
import type { Schedule } from '../../platform/jobs/schedule.ts';
import { systemCtx } from '../../platform/system-ctx.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { pruneDeliveries } from './deliveries/store.ts';
import { overdrawn } from './store.ts';
import { turnOff } from './turn-off.ts';

const EVERY_MS = 5 * 60_000;
/** What may wait for one webhook. */
export const MAX_BACKLOG = 100_000;
const BATCH = 1_000;
const BATCHES = 100;

type Deps = { readonly db: Db; readonly log: Logger; readonly retentionDays: number; readonly maxBacklog?: number };

/** Deliveries that have ended are kept as long as the log; a webhook for which too much waits is turned off. */
export function upkeepSchedule({ db, log, retentionDays, maxBacklog = MAX_BACKLOG }: Deps): Schedule {
  return {
    name: 'webhooks.upkeep',
    everyMs: EVERY_MS,
    async run(signal) {
      for (let batch = 0; batch < BATCHES && !signal.aborted; batch += 1)
        if ((await db.inSystemTx((tx) => pruneDeliveries(tx, retentionDays, BATCH))) < BATCH) break;
      for (const { tenant_id: tenantId, id } of await db.inSystemTx((tx) => overdrawn(tx, maxBacklog))) {
        signal.throwIfAborted();
        const ctx = systemCtx({ tenantId, id: 'webhooks', requestId: 'webhooks.upkeep', signal });
        if (await db.inTx(ctx, (tx) => turnOff(tx, id, 'backlog')))
          log.warn('a webhook was turned off', { webhook_id: id, reason: 'backlog' });
      }
    },
  };
}
