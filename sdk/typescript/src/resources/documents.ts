import { catalogue, type List } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type {
  Document,
  DocumentChange,
  DocumentInput,
  DocumentPage,
  DocumentQuery,
  DocumentWithText,
} from '../types.ts';

/** Texts kept for discussions and agents, with full-text search. */
export class Documents {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** With `q`: the best matches first, each with a `snippet`. */
  list(query: DocumentQuery = {}, options?: RequestOptions): List<Document, DocumentPage> {
    return catalogue(
      (asked) => this.#transport.json({ method: 'GET', path: '/documents', query: asked }, options),
      query,
    );
  }

  get(id: string, options?: RequestOptions): Promise<DocumentWithText> {
    return this.#transport.json({ method: 'GET', path: `/documents/${encodeURIComponent(id)}` }, options);
  }

  create(body: DocumentInput, options?: RequestOptions): Promise<DocumentWithText> {
    return this.#transport.json({ method: 'POST', path: '/documents', body, creates: true }, options);
  }

  update(id: string, body: DocumentChange, options: RequestOptions & { version: number }): Promise<DocumentWithText> {
    const path = `/documents/${encodeURIComponent(id)}`;
    return this.#transport.json({ method: 'PATCH', path, body, version: options.version }, options);
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: `/documents/${encodeURIComponent(id)}` }, options);
  }
}
