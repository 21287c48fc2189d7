import { catalogue, type List, log } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type {
  NewWebhook,
  Webhook,
  WebhookChange,
  WebhookDelivery,
  WebhookDeliveryPage,
  WebhookDeliveryQuery,
  WebhookDeliveryWithBody,
  WebhookInput,
  WebhookPage,
  WebhookReplay,
  WebhookReplayInput,
} from '../types.ts';

const at = (...parts: string[]): string => ['/webhooks', ...parts.map(encodeURIComponent)].join('/');

/** Where the tenant's events are sent. Whoever receives them checks each with `verifyWebhook`. */
export class Webhooks {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(query: { page?: number; page_size?: number } = {}, options?: RequestOptions): List<Webhook, WebhookPage> {
    return catalogue(
      (asked) => this.#transport.json({ method: 'GET', path: '/webhooks', query: asked }, options),
      query,
    );
  }

  get(id: string, options?: RequestOptions): Promise<Webhook> {
    return this.#transport.json({ method: 'GET', path: at(id) }, options);
  }

  /** With its `secret`: shown this once. */
  create(body: WebhookInput, options?: RequestOptions): Promise<NewWebhook> {
    return this.#transport.json({ method: 'POST', path: '/webhooks', body, creates: true }, options);
  }

  /** `version` is the one you read; code `version_mismatch` says that somebody was faster. */
  update(id: string, body: WebhookChange, options: RequestOptions & { version: number }): Promise<Webhook> {
    return this.#transport.json({ method: 'PATCH', path: at(id), body, version: options.version }, options);
  }

  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: at(id) }, options);
  }

  /** Turns it on again after it was turned off, by whomever. */
  enable(id: string, options?: RequestOptions): Promise<Webhook> {
    return this.#transport.json({ method: 'POST', path: at(id, 'enable'), repeatable: true }, options);
  }

  /** A new secret; the old one signs beside it for a day, or as long as you say. */
  rotate(id: string, body: { keep_previous_hours?: number } = {}, options?: RequestOptions): Promise<NewWebhook> {
    return this.#transport.json({ method: 'POST', path: at(id, 'rotate'), body, creates: true }, options);
  }

  /** Sends events of the log again, after the cursor `from` and up to `to` (default: the newest). */
  replay(id: string, body: WebhookReplayInput, options?: RequestOptions): Promise<WebhookReplay> {
    return this.#transport.json({ method: 'POST', path: at(id, 'replay'), body, creates: true }, options);
  }

  /** Sends the documented example of a type, or `webhook_test`; once. */
  test(id: string, body: { type?: string } = {}, options?: RequestOptions): Promise<WebhookDelivery> {
    return this.#transport.json({ method: 'POST', path: at(id, 'test'), body, creates: true }, options);
  }

  /** Newest first, each with its attempts. */
  deliveries(
    id: string,
    query: WebhookDeliveryQuery = {},
    options?: RequestOptions,
  ): List<WebhookDelivery, WebhookDeliveryPage> {
    const path = at(id, 'deliveries');
    return log((asked) => this.#transport.json({ method: 'GET', path, query: asked }, options), query);
  }

  /** With its `body`, as it is signed and sent. */
  delivery(id: string, deliveryId: string, options?: RequestOptions): Promise<WebhookDeliveryWithBody> {
    return this.#transport.json({ method: 'GET', path: at(id, 'deliveries', deliveryId) }, options);
  }

  /** Sends it again at once. */
  retry(id: string, deliveryId: string, options?: RequestOptions): Promise<WebhookDelivery> {
    const path = at(id, 'deliveries', deliveryId, 'retry');
    return this.#transport.json({ method: 'POST', path }, options);
  }
}
