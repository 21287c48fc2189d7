import { catalogue, type List } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type { Product, ProductChange, ProductInput, ProductPage, ProductQuery } from '../types.ts';

/** What a tenant sells. */
export class Products {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first, unless `sort` says otherwise; without the archived ones. */
  list(query: ProductQuery = {}, options?: RequestOptions): List<Product, ProductPage> {
    return catalogue(
      (asked) => this.#transport.json({ method: 'GET', path: '/products', query: asked }, options),
      query,
    );
  }

  get(id: string, options?: RequestOptions): Promise<Product> {
    return this.#transport.json({ method: 'GET', path: pathOf(id) }, options);
  }

  create(body: ProductInput, options?: RequestOptions): Promise<Product> {
    return this.#transport.json({ method: 'POST', path: '/products', body, creates: true }, options);
  }

  /** With the `version` that was read: refused where somebody has changed it since; orders do not count. */
  update(id: string, body: ProductChange, options: RequestOptions & { version?: number } = {}): Promise<Product> {
    return this.#transport.json({ method: 'PATCH', path: pathOf(id), body, version: options.version }, options);
  }

  /** It cannot be ordered any more; `update` with `archived: false` restores it. */
  archive(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: pathOf(id) }, options);
  }
}

const pathOf = (id: string): string => `/products/${encodeURIComponent(id)}`;
