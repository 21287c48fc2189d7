import { type CursorPage, eachOfCursor } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type { DefaultModel, Generation, Model, Provider, ProviderKind } from '../types.ts';

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

export type ProviderInput = { kind?: ProviderKind; api_key?: string | null; base_url?: string | null };

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

export type GenerationQuery = { cursor?: string; limit?: number; agent_id?: string; discussion_id?: string };

/** Every model call that was made: what it took, and what came of it. */
export class Generations {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: GenerationQuery = {}, options?: RequestOptions): Promise<CursorPage<Generation>> {
    return this.#transport.json({ method: 'GET', path: '/generations', query }, options);
  }

  all(query: Omit<GenerationQuery, 'cursor'> = {}, options?: RequestOptions): AsyncGenerator<Generation> {
    return eachOfCursor((cursor) => this.list({ limit: 100, ...query, ...(cursor && { cursor }) }, options));
  }

  get(id: string, options?: RequestOptions): Promise<Generation> {
    return this.#transport.json({ method: 'GET', path: `/generations/${encodeURIComponent(id)}` }, options);
  }
}
