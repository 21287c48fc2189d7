import { type Cursors, cursorPageOf } from '../../../platform/http/paging.ts';
import type { Router } from '../../../platform/http/router.ts';
import { TestWebhook, WebhookParams } from '../schemas.ts';
import * as s from './schemas.ts';
import type { Deliveries } from './service.ts';

const tag = 'webhooks';

type Deps = { readonly deliveries: Deliveries; readonly cursors: Cursors };

export function deliveryRoutes(router: Router, { deliveries, cursors }: Deps): void {
  router.command({
    url: '/webhooks/:webhook_id/test',
    operationId: 'testWebhook',
    summary: 'Send an example',
    description:
      'A `webhook_test`, or the documented example of a type, with `"test": true` in the envelope. One attempt, even when the webhook is off; `GET …/deliveries/{id}` says how it went.',
    tag,
    access: 'webhooks:write',
    params: WebhookParams,
    body: TestWebhook,
    bodyOptional: true,
    response: s.Delivery,
    errors: ['not_found'],
    handler: async (tx, { params, body }) => ({ body: await deliveries.test(tx, params.webhook_id, body.type) }),
  });

  router.route({
    method: 'GET',
    url: '/webhooks/:webhook_id/deliveries',
    operationId: 'listWebhookDeliveries',
    summary: 'List deliveries with their attempts, the newest first',
    description: 'Those that have ended are kept as long as the log.',
    tag,
    access: 'webhooks:read',
    params: WebhookParams,
    query: s.DeliveryQuery,
    response: cursorPageOf(s.Delivery),
    errors: ['not_found', 'invalid_cursor'],
    handler: async ({ ctx, params: { webhook_id }, query: { cursor, limit, ...filter } }) => {
      const scope = { tenantId: ctx.tenantId, list: `webhooks/${webhook_id}/deliveries`, filter };
      const before = cursor === undefined ? undefined : (cursors.decode(scope, cursor) as string);
      const rows = await deliveries.list(ctx, webhook_id, { ...filter, before, limit: limit + 1 });
      const items = rows.slice(0, limit);
      const last = items.at(-1);
      const more = rows.length > limit && last !== undefined;
      return { items, next_cursor: more ? cursors.encode(scope, last.id) : null };
    },
  });

  router.route({
    method: 'GET',
    url: '/webhooks/:webhook_id/deliveries/:delivery_id',
    operationId: 'getWebhookDelivery',
    summary: 'Read a delivery with what is sent',
    tag,
    access: 'webhooks:read',
    params: s.DeliveryParams,
    response: s.DeliveryWithBody,
    errors: ['not_found'],
    handler: ({ ctx, params }) => deliveries.get(ctx, params.webhook_id, params.delivery_id),
  });

  router.route({
    method: 'POST',
    url: '/webhooks/:webhook_id/deliveries/:delivery_id/retry',
    operationId: 'retryWebhookDelivery',
    summary: 'Send a delivery again',
    description: 'At once, and if that fails by the schedule from its start; whatever its status is.',
    tag,
    access: 'webhooks:write',
    params: s.DeliveryParams,
    response: s.Delivery,
    errors: ['not_found', 'conflict'],
    handler: ({ ctx, params }) => deliveries.retry(ctx, params.webhook_id, params.delivery_id),
  });
}
