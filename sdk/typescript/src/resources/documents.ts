import { eachOfPages, type Page } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type { Document, DocumentWithText } from '../types.ts';

export type DocumentInput = { title: string; text: string; metadata?: Record<string, unknown> };
export type DocumentQuery = { q?: string; page?: number; page_size?: number };

/** Texts kept for discussions and agents, with full-text search. */
export class Documents {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** With `q`: the best matches first, each with a `snippet`. */
  list(query: DocumentQuery = {}, options?: RequestOptions): Promise<Page<Document>> {
    return this.#transport.json({ method: 'GET', path: '/documents', query }, options);
  }

  all(query: Omit<DocumentQuery, 'page'> = {}, options?: RequestOptions): AsyncGenerator<Document> {
    return eachOfPages((page) => this.list({ page_size: 100, ...query, page }, options));
  }

  get(id: string, options?: RequestOptions): Promise<DocumentWithText> {
    return this.#transport.json({ method: 'GET', path: `/documents/${encodeURIComponent(id)}` }, options);
  }

  create(body: DocumentInput, options?: RequestOptions): Promise<Document> {
    return this.#transport.json({ method: 'POST', path: '/documents', body, creates: true }, options);
  }

  update(id: string, body: Partial<DocumentInput>, options: RequestOptions & { version: number }): Promise<Document> {
    const path = `/documents/${encodeURIComponent(id)}`;
    return this.#transport.json({ method: 'PATCH', path, body, version: options.version }, options);
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: `/documents/${encodeURIComponent(id)}` }, options);
  }
}
