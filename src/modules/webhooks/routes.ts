import { pageOf, pageQuery } from '../../platform/http/paging.ts';
import type { Router } from '../../platform/http/router.ts';
import { etagOf, ifMatch } from '../../platform/http/versions.ts';
import * as s from './schemas.ts';
import type { Webhooks } from './service.ts';

const tag = 'webhooks';
const BODY_LIMIT = 65_536;
const NO_STORE = { 'cache-control': 'no-store' };

export function webhooksRoutes(router: Router, webhooks: Webhooks): void {
  keepingRoutes(router, webhooks);
  doingRoutes(router, webhooks);
}

function keepingRoutes(router: Router, webhooks: Webhooks): void {
  router.command({
    url: '/webhooks',
    operationId: 'createWebhook',
    summary: 'Have events sent to an address',
    description:
      'Each event that it wants is POSTed as JSON, signed as Standard Webhooks says, at least once, in no promised order. The secret is shown this once.',
    tag,
    access: 'webhooks:write',
    bodyLimit: BODY_LIMIT,
    body: s.CreateWebhook,
    response: s.NewWebhook,
    errors: ['limit_reached'],
    prepare: ({ ctx }) => webhooks.prepareSecret(ctx),
    handler: async (tx, { body, prepared }) => {
      const created = await webhooks.create(tx, body, prepared);
      return { body: created, headers: { ...NO_STORE, etag: etagOf(created.version) } };
    },
  });

  router.route({
    method: 'GET',
    url: '/webhooks',
    operationId: 'listWebhooks',
    summary: 'List webhooks, the newest first',
    tag,
    access: 'webhooks:read',
    query: pageQuery,
    response: pageOf(s.Webhook),
    handler: ({ ctx, query }) => webhooks.list(ctx, query),
  });

  router.route({
    method: 'GET',
    url: '/webhooks/:webhook_id',
    operationId: 'getWebhook',
    summary: 'Read a webhook',
    tag,
    access: 'webhooks:read',
    params: s.WebhookParams,
    response: s.Webhook,
    errors: ['not_found'],
    handler: async ({ ctx, params, reply }) => {
      const webhook = await webhooks.get(ctx, params.webhook_id);
      reply.header('etag', etagOf(webhook.version));
      return webhook;
    },
  });

  router.route({
    method: 'PATCH',
    url: '/webhooks/:webhook_id',
    operationId: 'changeWebhook',
    summary: 'Change a webhook',
    description: 'Turned off, it loses what waits for it; a replay brings that back.',
    tag,
    access: 'webhooks:write',
    bodyLimit: BODY_LIMIT,
    params: s.WebhookParams,
    body: s.ChangeWebhook,
    response: s.Webhook,
    errors: ['not_found', 'version_mismatch', 'precondition_required'],
    handler: async ({ ctx, params, body, request, reply }) => {
      const changed = await webhooks.update(ctx, params.webhook_id, { ...body, match: ifMatch(request) });
      reply.header('etag', etagOf(changed.version));
      return changed;
    },
  });

  router.route({
    method: 'DELETE',
    url: '/webhooks/:webhook_id',
    operationId: 'deleteWebhook',
    summary: 'Delete a webhook',
    description: 'With the record of its deliveries.',
    tag,
    access: 'webhooks:write',
    params: s.WebhookParams,
    status: 204,
    errors: ['not_found'],
    handler: ({ ctx, params }) => webhooks.remove(ctx, params.webhook_id),
  });
}

function doingRoutes(router: Router, webhooks: Webhooks): void {
  router.route({
    method: 'POST',
    url: '/webhooks/:webhook_id/enable',
    operationId: 'enableWebhook',
    summary: 'Turn a webhook on again',
    description: 'Events from now on are sent. What it missed can be replayed. Twice is fine.',
    tag,
    access: 'webhooks:write',
    params: s.WebhookParams,
    response: s.Webhook,
    errors: ['not_found'],
    handler: async ({ ctx, params, reply }) => {
      const webhook = await webhooks.enable(ctx, params.webhook_id);
      reply.header('etag', etagOf(webhook.version));
      return webhook;
    },
  });

  router.command({
    url: '/webhooks/:webhook_id/rotate',
    operationId: 'rotateWebhookSecret',
    summary: 'Give a webhook a new secret',
    description:
      'The old one signs beside it for a day (or as asked), so that receivers can change over. Shown this once.',
    tag,
    access: 'webhooks:write',
    params: s.WebhookParams,
    body: s.RotateSecret,
    bodyOptional: true,
    response: s.NewWebhook,
    errors: ['not_found'],
    prepare: ({ ctx, params }) => webhooks.prepareSecret(ctx, params.webhook_id),
    handler: async (tx, { params, body, prepared }) => {
      const change = { id: params.webhook_id, keepHours: body.keep_previous_hours, prepared };
      const rotated = await webhooks.rotate(tx, change);
      return { body: rotated, headers: { ...NO_STORE, etag: etagOf(rotated.version) } };
    },
  });

  router.command({
    url: '/webhooks/:webhook_id/replay',
    operationId: 'replayWebhook',
    summary: 'Send events of the log again',
    description:
      'Those that it wants, from a cursor on, in the order of the log and no faster than the receiver takes them. `webhook-id` is that of the first time. One replay at a time.',
    tag,
    access: 'webhooks:write',
    params: s.WebhookParams,
    body: s.StartReplay,
    response: s.Replay,
    errors: ['not_found', 'conflict', 'invalid_cursor'],
    handler: async (tx, { params, body }) => ({ body: await webhooks.replay(tx, params.webhook_id, body) }),
  });
}
