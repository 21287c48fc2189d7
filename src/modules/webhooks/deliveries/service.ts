import type { Clock } from '../../../lib/clock.ts';
import { uuidv7 } from '../../../lib/ids.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Db, Tx } from '../../../platform/db/queries.ts';
import type { LogEvent } from '../../../platform/events/define.ts';
import type { EventTypes } from '../../../platform/events/registry.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { validationFailed } from '../../../platform/http/validation.ts';
import type { Jobs } from '../../../platform/jobs/define.ts';
import type { Hub } from '../../../platform/realtime/hub.ts';
import { webhookTest } from '../events.ts';
import { findWebhook, lockWebhook } from '../store.ts';
import type { Topics } from '../topics.ts';
import { DELIVERY_JOB } from './attempt.ts';
import { deliver, deliveryOf } from './fan-out.ts';
import { type Delivery, type DeliveryWithBody, SHOWN_ATTEMPTS } from './schemas.ts';
import * as store from './store.ts';

export type ListDeliveries = {
  readonly status?: string | undefined;
  readonly type?: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
};

/** What was sent to a webhook, what is to be, and what came of it. All throw `not_found`. */
export type Deliveries = {
  list(ctx: Ctx, webhookId: string, query: ListDeliveries): Promise<Delivery[]>;
  get(ctx: Ctx, webhookId: string, id: string): Promise<DeliveryWithBody>;
  /** At once, and then by the schedule from its start. Throws `conflict` while the webhook is off. */
  retry(ctx: Ctx, webhookId: string, id: string): Promise<Delivery>;
  /** Sends an example, once, even to a webhook that is off. Throws `validation_failed` for a type that there is not. */
  test(tx: Tx, webhookId: string, type: string | undefined): Promise<Delivery>;
};

type Deps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly hub: Pick<Hub, 'cursor'>;
  readonly types: EventTypes;
  readonly topics: Topics;
};

const noWebhook = () => new AppError('not_found', { message: 'There is no such webhook.' });
const noDelivery = () => new AppError('not_found', { message: 'There is no such delivery.' });

export function deliveriesService(deps: Deps): Deliveries {
  const { db, topics } = deps;
  /** Of who signed in or is a member, only who may read the audit record learns. */
  const hidden = (ctx: Ctx) => (ctx.permissions.has('audit:read') ? [] : topics.guarded());
  const find = async (
    from: Parameters<typeof store.getDelivery>[0],
    ctx: Ctx,
    key: { webhookId: string; id: string },
  ) => {
    const row = await store.getDelivery(from, key.webhookId, key.id, SHOWN_ATTEMPTS);
    if (!row || hidden(ctx).includes(row.type)) throw noDelivery();
    return row;
  };
  return {
    async list(ctx, webhookId, query) {
      const reader = db.reader(ctx);
      const [webhook, rows] = await Promise.all([
        findWebhook(reader, webhookId),
        store.listDeliveries(reader, { ...query, webhookId, except: hidden(ctx) }, SHOWN_ATTEMPTS),
      ]);
      if (!webhook) throw noWebhook();
      return rows.map(present);
    },
    async get(ctx, webhookId, id) {
      const row = await find(db.reader(ctx), ctx, { webhookId, id });
      return { ...present(row), body: row.body };
    },
    retry: (ctx, webhookId, id) =>
      db.inTx(ctx, async (tx) => {
        const webhook = await findWebhook(tx, webhookId);
        if (!webhook) throw noWebhook();
        const { kind } = await find(tx, ctx, { webhookId, id });
        if (!webhook.enabled && kind !== 'test')
          throw new AppError('conflict', { message: 'The webhook is off: turn it on first.' });
        // The job before the delivery, as in an attempt: two that lock in turns would wait for each other.
        await deps.jobs.replace(tx, { kind: DELIVERY_JOB, key: id, payload: { delivery_id: id } });
        await store.revive(tx, id);
        return present(await find(tx, ctx, { webhookId, id }));
      }),
    async test(tx, webhookId, type) {
      const webhook = await lockWebhook(tx, webhookId);
      if (!webhook) throw noWebhook();
      const event = await example(deps, tx.ctx, { webhookId, type });
      const delivery = { ...deliveryOf(event), webhook_id: webhookId, kind: 'test' as const, log_cursor: null };
      const [id = ''] = await deliver({ jobs: deps.jobs, tx }, [{ ...delivery, batch_id: event.id }]);
      return present(await find(tx, tx.ctx, { webhookId, id }));
    },
  };
}

/** The documented example of a type in the envelope of an event; `test` tells it from a real one. */
async function example(
  { hub, types, clock }: Deps,
  { tenantId }: Ctx,
  { webhookId, type = webhookTest.type }: { webhookId: string; type: string | undefined },
): Promise<LogEvent & { test: true }> {
  const known = types.all().filter((candidate) => candidate.type === type);
  const newest = known.reduce<(typeof known)[number] | undefined>(
    (a, b) => (a && a.version > b.version ? a : b),
    undefined,
  );
  if (newest === undefined)
    throw validationFailed([{ in: 'body', field: 'type', rule: 'enum', message: 'is no event type of this server' }]);
  const { epoch } = await hub.cursor(tenantId);
  return {
    ...{ specversion: '1.0', id: uuidv7(), source: 'parley', type, time: clock.now().toISOString() },
    ...{ subject: webhookId, datacontenttype: 'application/json' },
    data: type === webhookTest.type ? { webhook_id: webhookId } : newest.example,
    ...{ dataversion: newest.version, tenantid: tenantId, stream: `webhooks/${webhookId}`, position: 0, epoch },
    test: true,
  };
}

const present = (row: store.ListedRow): Delivery => ({
  id: row.id,
  webhook_id: row.webhook_id,
  kind: row.kind,
  event_id: row.event_id,
  type: row.type,
  stream: row.stream,
  cursor: row.log_cursor,
  status: row.status,
  attempt_count: row.attempt_count,
  next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
  created_at: row.created_at.toISOString(),
  completed_at: row.completed_at?.toISOString() ?? null,
  attempts: row.attempts.map((attempt) => ({ ...attempt, at: new Date(attempt.at).toISOString() })),
});
