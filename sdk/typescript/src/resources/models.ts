import { type List, log } from '../pages.ts';
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

/** What can be asked of, as OpenAI's list: see `chat`. */
export class Models {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options?: RequestOptions): Promise<Model[]> {
    const { data } = await this.#transport.json<{ data: Model[] }>({ method: 'GET', path: '/models' }, options);
    return data;
  }

  get(id: string, options?: RequestOptions): Promise<Model> {
    return this.#transport.json({ method: 'GET', path: `/models/${encodeURIComponent(id)}` }, options);
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

  /** Newest first. */
  list(query: GenerationQuery = {}, options?: RequestOptions): List<Generation, GenerationPage> {
    return log((asked) => this.#transport.json({ method: 'GET', path: '/generations', query: asked }, options), query);
  }

  get(id: string, options?: RequestOptions): Promise<Generation> {
    return this.#transport.json({ method: 'GET', path: `/generations/${encodeURIComponent(id)}` }, options);
  }
}
