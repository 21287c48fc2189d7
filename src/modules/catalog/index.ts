import type { Caches } from '../../platform/cache/caches.ts';
import type { Db } from '../../platform/db/queries.ts';
import type { LogEvent } from '../../platform/events/define.ts';
import type { Module } from '../../platform/module.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import { productChanged } from './events.ts';
import { catalogRoutes } from './routes.ts';
import { type Catalog, catalogService, type Revision } from './service.ts';

export { Currency, Money } from './schemas.ts';
export type { Catalog, Revision } from './service.ts';

/** How long a product's text is given out unasked; what changes it drops it at once. */
const TTL_MS = 60_000;
/** How long it is better than nothing, while the database is slow or away. */
const GRACE_MS = 5 * 60_000;

type Deps = { readonly db: Db; readonly hub: Pick<Hub, 'tap'>; readonly caches: Caches };

/** Products: what a tenant sells, at which price, and how many there are. */
export function createCatalog({ db, hub, caches }: Deps): Catalog & Module {
  const products = caches.aside({ name: 'products', ttlMs: TTL_MS, graceMs: GRACE_MS });
  const service = catalogService({ db, products });
  hub.tap([productChanged.type], (event) => service.moved(event.tenantid, [(event as LogEvent<Revision>).data]));
  return {
    ...service,
    name: 'catalog',
    events: [productChanged],
    channels: [
      {
        topic: 'products',
        permission: 'products:read',
        allows: (ctx, id) => service.read(ctx, id).then(() => true),
      },
    ],
    routes: (router) => catalogRoutes(router, service),
  };
}
