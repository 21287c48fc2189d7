import { pageOf } from '../../platform/http/paging.ts';
import { Ready, type Router } from '../../platform/http/router.ts';
import { etagOf, versionsIn } from './rules.ts';
import { ChangeProduct, CreateProduct, ListProducts, Product, ProductParams } from './schemas.ts';
import type { Catalog } from './service.ts';

const tag = 'products';

export function catalogRoutes(router: Router, catalog: Catalog): void {
  router.command({
    url: '/products',
    operationId: 'createProduct',
    summary: 'Make a product',
    tag,
    access: 'products:write',
    body: CreateProduct,
    response: Product,
    errors: ['already_exists'],
    handler: async (tx, { body }) => {
      const created = await catalog.create(tx, body);
      return { body: created, headers: { etag: etagOf(created) } };
    },
  });

  router.route({
    method: 'GET',
    url: '/products',
    operationId: 'listProducts',
    summary: 'List or search products',
    description: 'Prices are compared in minor units: name the currency as well where you have more than one.',
    tag,
    access: 'products:read',
    query: ListProducts,
    response: pageOf(Product),
    handler: ({ ctx, query }) => catalog.list(ctx, query),
  });

  router.route({
    method: 'GET',
    url: '/products/:product_id',
    operationId: 'getProduct',
    summary: 'Read a product',
    description: 'With the ETag in `If-None-Match`: 304 where nothing has changed, the stock included.',
    tag,
    access: 'products:read',
    params: ProductParams,
    response: Product,
    errors: ['not_found'],
    handler: async ({ ctx, params, reply }) => {
      const { etag, json } = await catalog.read(ctx, params.product_id);
      reply.header('etag', etag).header('cache-control', 'private, no-cache');
      return new Ready(json);
    },
  });

  router.route({
    method: 'PATCH',
    url: '/products/:product_id',
    operationId: 'changeProduct',
    summary: 'Change a product',
    description:
      '`If-Match` is not required; with it (an ETag, or the version in quotes) the change is refused where somebody else ' +
      'changed it meanwhile. Orders do not count. Send it with `stock_change`, which a repeat would add once more. Orders ' +
      'that are placed keep the name and price that they were placed with.',
    tag,
    access: 'products:write',
    params: ProductParams,
    body: ChangeProduct,
    response: Product,
    errors: ['not_found', 'already_exists', 'version_mismatch', 'conflict'],
    handler: async ({ ctx, params, body, request, reply }) => {
      const match = versionsIn(request.headers['if-match']);
      const changed = await catalog.update(ctx, params.product_id, { ...body, match });
      reply.header('etag', etagOf(changed));
      return changed;
    },
  });

  router.route({
    method: 'DELETE',
    url: '/products/:product_id',
    operationId: 'archiveProduct',
    summary: 'Archive a product',
    description:
      'It cannot be ordered any more, and is kept for the orders that name it. `PATCH` with `archived: false` restores it.',
    tag,
    access: 'products:write',
    params: ProductParams,
    status: 204,
    errors: ['not_found'],
    handler: ({ ctx, params }) => catalog.archive(ctx, params.product_id),
  });
}
