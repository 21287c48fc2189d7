import type { Clock } from '../../../lib/clock.ts';
import type { Db, Tx } from '../../../platform/db/queries.ts';
import type { JobKind, Jobs, RunningJob } from '../../../platform/jobs/define.ts';
import type { Logger } from '../../../platform/telemetry/log.ts';
import { disabling, retryAfterMsOf, retryDelayMs, succeeded } from '../rules.ts';
import type { WebhookSecrets } from '../secrets.ts';
import * as hooks from '../store.ts';
import { turnOff } from '../turn-off.ts';
import type { Meter } from './meter.ts';
import type { Receivers } from './receivers.ts';
import type { Send, Sent } from './send.ts';
import { signatureHeaders } from './signing.ts';
import * as store from './store.ts';

export const DELIVERY_JOB = 'webhooks.delivery';
export type DeliveryPayload = { readonly delivery_id: string };
type Job = RunningJob<DeliveryPayload>;

export type AttemptDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly secrets: WebhookSecrets;
  readonly send: Send;
  readonly receivers: Receivers;
  readonly meter: Meter;
  readonly log: Logger;
  readonly userAgent: string;
};

/** Only for a database that fails again and again in the middle of it: what a receiver does is no failure of the job. */
const MAX_ATTEMPTS = 20;
/** The attempt itself has 15 seconds, and may have waited for as many twice. */
const TIMEOUT_MS = 60_000;
/** POSTs at once in one process; of one host at most `PER_HOST`, and `LINE` that wait. */
const CONCURRENCY = 256;

/**
 * One attempt of one delivery a job; the next one is a new job, later. The POST stands between two transactions: a process
 * that dies after it and before the second sends it again, under the same `webhook-id`.
 */
export function deliveryJob(deps: AttemptDeps): JobKind<DeliveryPayload> {
  return {
    kind: DELIVERY_JOB,
    ...{ maxAttempts: MAX_ATTEMPTS, timeoutMs: TIMEOUT_MS, concurrency: CONCURRENCY },
    handle: (job) => attempt(deps, job),
    onGivenUp: async (tx, job) => void (await store.end(tx, job.payload.delivery_id, 'failed')),
  };
}

async function attempt(deps: AttemptDeps, job: Job): Promise<void> {
  const { db, clock, receivers, send, meter } = deps;
  const { ctx } = job;
  const reader = db.reader(ctx);
  const delivery = await store.findDelivery(reader, job.payload.delivery_id);
  // One that has failed comes here again as a dead letter that somebody requeued.
  if (delivery === undefined || delivery.status === 'succeeded' || delivery.status === 'cancelled') return;
  const webhook = await hooks.findWebhook(reader, delivery.webhook_id);
  if (webhook === undefined) return;
  if (!webhook.enabled && delivery.kind !== 'test') {
    await db.inTx(ctx, async (tx) => {
      await job.complete(tx);
      await store.end(tx, delivery.id, 'cancelled');
    });
    return;
  }
  const at = clock.now();
  const headers = {
    'content-type': 'application/json',
    'user-agent': deps.userAgent,
    ...signatureHeaders(await deps.secrets.live(ctx.tenantId, webhook, at), {
      id: delivery.event_id,
      timestamp: Math.floor(at.getTime() / 1_000),
      body: delivery.body,
    }),
  };
  const { url } = webhook;
  const sent = await receivers.run(
    { tenantId: ctx.tenantId, webhookId: webhook.id, url },
    () => send({ url, headers, body: delivery.body }, ctx.signal),
    ctx.signal,
  );
  if ('busyForMs' in sent) return postpone(deps, job, new Date(clock.now().getTime() + sent.busyForMs));
  meter.attempted(sent);
  await db.inTx(ctx, (tx) => settle(deps, tx, { job, delivery, sent, at }));
}

/** The host has enough to do: the same again soon, and no attempt was made. */
async function postpone({ db, jobs }: AttemptDeps, job: Job, until: Date): Promise<void> {
  await db.inTx(job.ctx, async (tx) => {
    await job.complete(tx);
    await store.postpone(tx, job.payload.delivery_id, until);
    await jobs.enqueue(tx, { kind: DELIVERY_JOB, key: job.key, payload: job.payload, runAt: until });
  });
}

type Done = { readonly job: Job; readonly delivery: store.DeliveryRow; readonly sent: Sent; readonly at: Date };

async function settle(
  deps: AttemptDeps,
  tx: Tx,
  { job, delivery: { id, webhook_id, kind }, sent, at }: Done,
): Promise<void> {
  await job.complete(tx);
  // The webhook before its deliveries, as where it is turned off: two that lock in turns would wait for each other.
  if (kind !== 'test' && sent.error === null) await hooks.markWorking(tx, webhook_id);
  if (kind !== 'test' && sent.error !== null) await noteFailure(deps, tx, { webhookId: webhook_id, sent });
  // Deleted, or its webhook turned off meanwhile: what was sent was sent, and is told.
  const row = await store.lockDelivery(tx, id);
  if (row === undefined) return;
  const next = nextState(row, { sent, now: deps.clock.now(), once: kind === 'test' });
  const counted = await store.endAttempt(tx, id, next);
  await store.insertAttempt(tx, id, {
    number: counted?.attempt_count ?? 1,
    at: at.toISOString(),
    status: sent.status,
    latency_ms: sent.latencyMs,
    error: sent.error,
    response: sent.response,
  });
  if (next.next_attempt_at !== null)
    await deps.jobs.enqueue(tx, {
      kind: DELIVERY_JOB,
      key: job.key,
      payload: job.payload,
      runAt: next.next_attempt_at,
    });
}

function nextState(
  row: store.DeliveryRow,
  { sent, now, once }: { sent: Sent; now: Date; once: boolean },
): Pick<store.DeliveryRow, 'status' | 'failures' | 'next_attempt_at'> {
  if (succeeded(sent.status)) return { status: 'succeeded', failures: row.failures, next_attempt_at: null };
  const failures = row.failures + 1;
  if (row.status !== 'pending') return { status: row.status, failures, next_attempt_at: null };
  const retryAfterMs = retryAfterMsOf(sent.retryAfter, now);
  const delayMs = once ? undefined : retryDelayMs(failures, { retryAfterMs });
  if (delayMs === undefined) return { status: 'failed', failures, next_attempt_at: null };
  return { status: 'pending', failures, next_attempt_at: new Date(now.getTime() + delayMs) };
}

async function noteFailure(
  deps: AttemptDeps,
  tx: Tx,
  { webhookId, sent }: { webhookId: string; sent: Sent },
): Promise<void> {
  const marked = await hooks.markFailing(tx, webhookId);
  const reason = marked && disabling(sent.status, { failingSince: marked.failing_since, now: marked.now });
  deps.log.info('a webhook did not take an event', { webhook_id: webhookId, status: sent.status ?? undefined });
  if (reason === undefined || !(await turnOff(tx, webhookId, reason))) return;
  deps.log.warn('a webhook was turned off', { webhook_id: webhookId, reason });
}
