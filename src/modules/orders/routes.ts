import { Type } from 'typebox';
import { cursorPageOf } from '../../platform/http/paging.ts';
import type { Router } from '../../platform/http/router.ts';
import { etagOf } from '../../platform/http/versions.ts';
import { CancelOrder, CreateOrder, FulfilOrder, ListOrders, Order, OrderFacts, OrderParams } from './schemas.ts';
import { missing, type Orders } from './service.ts';

const tag = 'orders';

/** Orders of a tenant that share a transaction at most; see ADR 22. */
const TOGETHER = 64;

export function ordersRoutes(router: Router, orders: Orders): void {
  router.commands({
    url: '/orders',
    operationId: 'createOrder',
    summary: 'Place an order',
    description:
      'Its pieces are held and its prices fixed at once; its payment is asked for behind it: follow its events. Needs an ' +
      '`Idempotency-Key`. Where there is not enough of something, nothing is held, and `out_of_stock` says in `details.lines` ' +
      'how many there are.',
    tag,
    access: 'orders:write',
    body: CreateOrder,
    response: Order,
    errors: ['out_of_stock'],
    together: TOGETHER,
    ahead: orders.reach,
    handler: async (tx, inputs, shelves) =>
      (await orders.create(tx, inputs, shelves)).map((created) =>
        created.status === 'rejected'
          ? created
          : { status: 'fulfilled', value: { body: created.value, headers: { etag: etagOf(created.value.version) } } },
      ),
  });

  router.route({
    method: 'GET',
    url: '/orders',
    operationId: 'listOrders',
    summary: 'List orders',
    description: 'Newest first.',
    tag,
    access: 'orders:read',
    query: ListOrders,
    response: Type.Object({
      ...cursorPageOf(OrderFacts).properties,
      cursor: Type.String({ description: 'Where the event stream stood when this was read.' }),
    }),
    errors: ['invalid_cursor'],
    handler: ({ ctx, query }) => orders.list(ctx, query),
  });

  router.route({
    method: 'GET',
    url: '/orders/:order_id',
    operationId: 'getOrder',
    summary: 'Read an order',
    tag,
    access: 'orders:read',
    params: OrderParams,
    response: Order,
    errors: ['not_found'],
    handler: ({ ctx, params }) => orders.get(ctx, params.order_id),
  });

  router.follow({
    url: '/orders/:order_id/events',
    operationId: 'followOrder',
    summary: 'Follow an order',
    description:
      'Server-sent events, each with an id (`epoch.position`) to resume after with `Last-Event-ID`: `order_created`, ' +
      '`order_paid`, `order_payment_failed`, `order_cancelled`, `order_expired`, `order_fulfilled`, `order_refunded`.',
    tag,
    access: 'orders:read',
    params: OrderParams,
    errors: ['not_found'],
    handler: async ({ ctx, params }) => {
      if (!(await orders.exists(ctx, params.order_id))) throw missing();
      return { streams: [`orders/${params.order_id}`] };
    },
  });

  moveRoutes(router, orders);
}

function moveRoutes(router: Router, orders: Orders): void {
  router.route({
    method: 'POST',
    url: '/orders/:order_id/cancel',
    operationId: 'cancelOrder',
    summary: 'Cancel an order',
    description: 'Its pieces can be ordered again; what was paid is given back behind it. Twice is fine.',
    tag,
    access: 'orders:write',
    params: OrderParams,
    body: CancelOrder,
    bodyOptional: true,
    response: Order,
    errors: ['not_found', 'conflict'],
    handler: ({ ctx, params, body }) => orders.cancel(ctx, params.order_id, body.reason ?? null),
  });

  router.route({
    method: 'POST',
    url: '/orders/:order_id/fulfil',
    operationId: 'fulfilOrder',
    summary: 'Fulfil a paid order',
    description: 'Its pieces are gone for good. Twice is fine.',
    tag,
    access: 'orders:operate',
    params: OrderParams,
    body: FulfilOrder,
    bodyOptional: true,
    response: Order,
    errors: ['not_found', 'conflict'],
    handler: ({ ctx, params, body }) => orders.fulfil(ctx, params.order_id, body.tracking ?? null),
  });

  router.route({
    method: 'POST',
    url: '/orders/:order_id/pay',
    operationId: 'payOrder',
    summary: 'Ask for a refused payment anew',
    description: 'While the order is pending. Where its payment was not refused, nothing is done.',
    tag,
    access: 'orders:write',
    params: OrderParams,
    response: Order,
    errors: ['not_found', 'conflict'],
    handler: ({ ctx, params }) => orders.pay(ctx, params.order_id),
  });
}
