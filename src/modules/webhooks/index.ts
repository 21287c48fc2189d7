import type { Clock } from '../../lib/clock.ts';
import type { Secrets } from '../../platform/config/secrets.ts';
import type { EventTypes } from '../../platform/events/registry.ts';
import type { Cursors } from '../../platform/http/paging.ts';
import type { JobKind } from '../../platform/jobs/define.ts';
import type { Module } from '../../platform/module.ts';
import type { Outbound } from '../../platform/net/outbound.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { deliveryJob } from './deliveries/attempt.ts';
import { fanOut } from './deliveries/fan-out.ts';
import { createMeter } from './deliveries/meter.ts';
import { createReceivers } from './deliveries/receivers.ts';
import { deliveryRoutes } from './deliveries/routes.ts';
import { createSend } from './deliveries/send.ts';
import { deliveriesService } from './deliveries/service.ts';
import { WEBHOOK_EVENTS, webhookTest } from './events.ts';
import { replayJob } from './replay.ts';
import { webhooksRoutes } from './routes.ts';
import { webhookSecrets } from './secrets.ts';
import { type Webhooks, type WebhooksDeps, webhooksService } from './service.ts';
import { createTopics } from './topics.ts';
import { upkeepSchedule } from './upkeep.ts';

export { WEBHOOK_EVENTS } from './events.ts';
export type { Webhooks } from './service.ts';

type Deps = Omit<WebhooksDeps, 'secrets' | 'topics' | 'hub' | 'outbound'> & {
  readonly clock: Clock;
  readonly cursors: Cursors;
  readonly hub: Pick<Hub, 'cursor' | 'tap'>;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly outbound: Pick<Outbound, 'check' | 'post'>;
  readonly secrets: Secrets;
  readonly types: EventTypes;
  /** As the receiver is told who calls. */
  readonly userAgent: string;
  readonly retentionDays: number;
};

/** Webhooks: the events of a tenant, signed and sent to addresses outside, at least once each. */
export function createWebhooks({ cursors, metrics, outbound, retentionDays, ...rest }: Deps): Webhooks & Module {
  const topics = createTopics(rest.types);
  const log = rest.log.child('webhooks');
  const deps = { ...rest, outbound, topics, log, secrets: webhookSecrets(rest.secrets) };
  const webhooks = webhooksService(deps);
  const deliveries = deliveriesService(deps);
  const sending = { send: createSend(outbound), receivers: createReceivers(), meter: createMeter(metrics) };
  return {
    ...webhooks,
    name: 'webhooks',
    events: [...WEBHOOK_EVENTS, webhookTest],
    consumers: [fanOut(deps)],
    jobs: [deliveryJob({ ...deps, ...sending }), replayJob(deps)] as JobKind[],
    schedules: [upkeepSchedule({ db: deps.db, log, retentionDays })],
    routes: (router) => {
      webhooksRoutes(router, webhooks);
      deliveryRoutes(router, { deliveries, cursors });
    },
  };
}
