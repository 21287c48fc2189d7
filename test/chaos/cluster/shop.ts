import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '@parley/sdk';
import { pick, type Random } from '../../../src/modules/models/rehearsal/random.ts';
import type { Behaviour } from '../../support/payments.ts';
import { persistently } from '../people.ts';

export type Placed = { readonly id: string; readonly answers: ReadonlySet<string> };
/** An event as one of the two readers heard it. */
export type Told = { readonly position: number; readonly type: string };

const BUYERS = 3;
const STOCK = 40;
const PRODUCTS = 5;
const ANSWER_MS = 10_000;
/** So many clients send the same order at once, now and then. */
const CROWD = 16;

/** A payment service on a bad day: books and says nothing, says nonsense, refuses, keeps one waiting. */
export function badDay(random: Random): () => Behaviour {
  return () => {
    const luck = random();
    if (luck < 0.05) return { does: 'cut', booked: random() < 0.5 };
    if (luck < 0.1) return { does: 'error', status: 503, booked: random() < 0.5 };
    if (luck < 0.13) return { does: 'garbage', booked: random() < 0.5 };
    if (luck < 0.14) return { does: 'hang', booked: random() < 0.5 };
    if (luck < 0.2) return { does: 'answer', status: 'failed', reason: 'no money' };
    return { does: 'answer', afterMs: random() * 100 };
  };
}

/**
 * A tenant with a few products of which there is not enough, and buyers who order, cancel and are sent what they paid for.
 * Every order is sent under one Idempotency-Key by two clients at once, or by sixteen, each until it has an answer. Two
 * readers follow everything: one over SSE, one over a WebSocket.
 */
export class Shop {
  readonly placed: Placed[] = [];
  readonly faults: string[] = [];
  readonly told = { sse: [] as Told[], ws: [] as Told[] };
  readonly products: readonly string[];
  readonly tenantId: string;
  readonly stock = STOCK;
  refused = 0;
  readonly #url: string;
  readonly #key: string;
  readonly #parley: Parley;
  readonly #random: Random;
  readonly #closed: AbortSignal;
  readonly #left = new AbortController();
  readonly #buying: Promise<unknown>;
  readonly #reading: Promise<unknown>;

  private constructor(at: {
    url: string;
    key: string;
    tenantId: string;
    products: string[];
    parley: Parley;
    random: Random;
    closed: AbortSignal;
    cursor: string;
  }) {
    this.#url = at.url;
    this.#key = at.key;
    this.#parley = at.parley;
    this.#random = at.random;
    this.#closed = at.closed;
    this.tenantId = at.tenantId;
    this.products = at.products;
    this.#reading = Promise.all([this.#overSse(at.cursor), this.#overWebSocket(at.cursor)]);
    this.#buying = Promise.all(Array.from({ length: BUYERS }, () => this.#buy()));
  }

  static async start(url: string, { random, closed }: { random: Random; closed: AbortSignal }): Promise<Shop> {
    const parley = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory', timeoutMs: ANSWER_MS });
    const { tenant } = await parley.auth.signUp({
      email: `shop-${crypto.randomUUID()}@example.com`,
      password: `shop ${crypto.randomUUID()}`,
      tenant_name: 'Shop',
      name: 'Owner',
    });
    const { key } = await parley.apiKeys.create({
      name: 'shop',
      scopes: ['orders:read', 'orders:write', 'orders:operate', 'products:read', 'events:read'],
    });
    const products = [];
    for (let n = 1; n <= PRODUCTS; n++) {
      const price = { amount: n * 700, currency: 'EUR' as const };
      products.push((await parley.products.create({ name: `Tea ${n}`, price, stock: STOCK })).id);
    }
    const { cursor } = await parley.events.list({ limit: 1 });
    const own = new Parley({ baseUrl: `${url}/api/v1`, apiKey: key, timeoutMs: ANSWER_MS });
    return new Shop({ url, key, tenantId: tenant.id, products, parley: own, random, closed, cursor });
  }

  /** Resolves when the last buyer has gone. */
  async bought(): Promise<void> {
    await this.#buying;
  }

  /** Ends the readers, when both have heard everything up to this place. */
  async read(position: number, withinMs: number): Promise<void> {
    const isThere = (told: readonly Told[]) => (told.at(-1)?.position ?? 0) >= position;
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(50))
      if (isThere(this.told.sse) && isThere(this.told.ws)) break;
    this.#left.abort();
    await this.#reading;
  }

  async #buy(): Promise<void> {
    const never = new AbortController().signal;
    for (let number = 0; !this.#closed.aborted; number++) {
      try {
        const order = await this.#place(number % 8 === 0 ? CROWD : 2);
        if (order === undefined) this.refused += 1;
        else {
          this.placed.push(order);
          const luck = this.#random();
          if (luck < 0.3) await this.#decide(() => this.#parley.orders.cancel(order.id), never);
          else if (luck < 0.6) await this.#decide(() => this.#parley.orders.fulfil(order.id), never);
        }
      } catch (error) {
        this.faults.push(`a buyer failed: ${error instanceof Error ? error.message : String(error)}`);
        return;
      }
      await delay(this.#random() * 300);
    }
  }

  /** Sends one order from several clients at once; undefined where there was not enough. */
  async #place(clients: number): Promise<Placed | undefined> {
    const key = crypto.randomUUID();
    const chosen = new Set([pick(this.#random, this.products), pick(this.#random, this.products)]);
    const quantity = () => 1 + Math.floor(this.#random() * 3);
    const body = JSON.stringify({ lines: [...chosen].map((product_id) => ({ product_id, quantity: quantity() })) });
    const answers = await Promise.all(Array.from({ length: clients }, () => this.#send(key, body)));
    const texts = new Set(answers.filter((answer) => answer !== undefined));
    const [text] = texts;
    if (text === undefined) return undefined;
    if (texts.size > 1) this.faults.push(`one Idempotency-Key was answered in ${texts.size} ways`);
    return { id: (JSON.parse(text) as { id: string }).id, answers: texts };
  }

  /** Until there is an answer: the text of a 201, or undefined for a 409 that says there is not enough. */
  async #send(key: string, body: string): Promise<string | undefined> {
    const headers = {
      ...{ authorization: `Bearer ${this.#key}`, 'content-type': 'application/json', 'idempotency-key': key },
    };
    for (;;) {
      try {
        const signal = AbortSignal.timeout(ANSWER_MS);
        const answer = await fetch(`${this.#url}/api/v1/orders`, { method: 'POST', headers, body, signal });
        const text = await answer.text();
        if (answer.status === 201) return text;
        const { code } = (JSON.parse(text) as { error: { code: string } }).error;
        if (code === 'out_of_stock') return undefined;
        if (code !== 'idempotency_in_progress' && answer.status < 500 && answer.status !== 429)
          throw new Refused(`POST /orders: ${answer.status} ${code}`);
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      await delay(30 + this.#random() * 50);
    }
  }

  /** Somebody decides; it may be too late for that, or too early. */
  async #decide(fn: () => Promise<unknown>, never: AbortSignal): Promise<void> {
    await delay(this.#random() * 500);
    await persistently(never, fn).catch((error: unknown) => {
      if ((error as { status?: number }).status !== 409) throw error;
    });
  }

  async #overSse(cursor: string): Promise<void> {
    const { signal } = this.#left;
    for await (const event of this.#parley.events.follow({ cursor, signal })) {
      if ('position' in event) this.told.sse.push({ type: event.type, position: event.position });
      else this.faults.push('SSE: reset');
    }
  }

  async #overWebSocket(cursor: string): Promise<void> {
    const { signal } = this.#left;
    const socket = this.#parley.connect();
    try {
      for await (const event of socket.subscribe('*', { cursor, signal })) {
        if (event.type === 'reset') this.faults.push('WebSocket: reset');
        else if (event.cursor !== undefined)
          this.told.ws.push({ type: event.type, position: positionOf(event.cursor) });
      }
    } catch (error) {
      this.faults.push(`WebSocket: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      socket.close();
    }
  }
}

const positionOf = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1));

class Refused extends Error {}
