import { type FollowOptions, follow } from '../follow.ts';
import { type OrderEvent, orderEvent } from '../order-events.ts';
import { type List, log } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type { Order, OrderFacts, OrderInput, OrderPage, OrderQuery } from '../types.ts';

/** What customers order: stock that is held, payments, and what happens with them now. */
export class Orders {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Holds the pieces and fixes the prices; the payment follows behind it. Sent with an Idempotency-Key, made for you when
   * `idempotencyKey` is absent: give your own where a crash of your program must not order twice. Throws `out_of_stock`.
   */
  create(body: OrderInput, options?: RequestOptions): Promise<Order> {
    return this.#transport.json({ method: 'POST', path: '/orders', body, creates: true }, options);
  }

  /** Newest first. */
  list(query: OrderQuery = {}, options?: RequestOptions): List<OrderFacts, OrderPage> {
    return log((asked) => this.#transport.json({ method: 'GET', path: '/orders', query: asked }, options), query);
  }

  /** A snapshot: `events(id, { cursor: order.cursor })` continues from it without a hole. */
  get(id: string, options?: RequestOptions): Promise<Order> {
    return this.#transport.json({ method: 'GET', path: pathOf(id) }, options);
  }

  /** Its pieces can be ordered again; what was paid is given back. Twice is fine. */
  cancel(id: string, { reason, ...options }: RequestOptions & { reason?: string } = {}): Promise<Order> {
    return this.#move(id, 'cancel', { body: reason === undefined ? {} : { reason }, options });
  }

  /** A paid order left the house. Twice is fine. */
  fulfil(id: string, { tracking, ...options }: RequestOptions & { tracking?: string } = {}): Promise<Order> {
    return this.#move(id, 'fulfil', { body: tracking === undefined ? {} : { tracking }, options });
  }

  /** Asks for a payment anew that was refused; does nothing where it was not. */
  pay(id: string, options: RequestOptions = {}): Promise<Order> {
    return this.#move(id, 'pay', { body: {}, options });
  }

  /**
   * What happens with an order, as it happens, for as long as you iterate. Survives lost connections and restarted servers;
   * continues where it was, without a hole or a repeat.
   */
  async *events(id: string, options: FollowOptions = {}): AsyncGenerator<OrderEvent> {
    for await (const event of follow(this.#transport, { path: `${pathOf(id)}/events` }, options))
      yield orderEvent(event);
  }

  #move(id: string, move: string, { body, options }: { body: object; options: RequestOptions }): Promise<Order> {
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/${move}`, body, repeatable: true }, options);
  }
}

const pathOf = (id: string): string => `/orders/${encodeURIComponent(id)}`;
