import { eachOfCursor } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type {
  DefaultModel,
  Generation,
  GenerationPage,
  GenerationQuery,
  Model,
  Provider,
  ProviderInput,
} from '../types.ts';

/** What can be asked of, as OpenAI's list. To chat with one, use any OpenAI client at the same server's `/v1`. */
export class Models {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options?: RequestOptions): Promise<Model[]> {
    const { data } = await this.#transport.json<{ data: Model[] }>({ method: 'GET', path: '/models' }, options);
    return data;
  }

  getDefault(options?: RequestOptions): Promise<DefaultModel> {
    return this.#transport.json({ method: 'GET', path: '/models/default' }, options);
  }

  setDefault(model: string | null, options?: RequestOptions): Promise<DefaultModel> {
    return this.#transport.json({ method: 'PUT', path: '/models/default', body: { model } }, options);
  }
}

/** Keys of model providers. They can be set and removed, never read. */
export class Providers {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options?: RequestOptions): Promise<Provider[]> {
    const { items } = await this.#transport.json<{ items: Provider[] }>({ method: 'GET', path: '/providers' }, options);
    return items;
  }

  set(name: string, body: ProviderInput, options?: RequestOptions): Promise<Provider> {
    return this.#transport.json({ method: 'PUT', path: `/providers/${encodeURIComponent(name)}`, body }, options);
  }

  delete(name: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: `/providers/${encodeURIComponent(name)}` }, options);
  }
}

/** Every model call that was made: what it took, and what came of it. */
export class Generations {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: GenerationQuery = {}, options?: RequestOptions): Promise<GenerationPage> {
    return this.#transport.json({ method: 'GET', path: '/generations', query }, options);
  }

  all(query: Omit<GenerationQuery, 'cursor'> = {}, options?: RequestOptions): AsyncGenerator<Generation> {
    return eachOfCursor((cursor) => this.list({ limit: 100, ...query, ...(cursor && { cursor }) }, options));
  }

  get(id: string, options?: RequestOptions): Promise<Generation> {
    return this.#transport.json({ method: 'GET', path: `/generations/${encodeURIComponent(id)}` }, options);
  }
}
