import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '@parley/sdk';
import { pick, type Random } from '../../../src/modules/models/rehearsal/random.ts';
import { persistently } from '../people.ts';
import type { EffectSink } from '../sink/sink.ts';
import { type Fault, fault } from '../verdict.ts';
import { Hook } from './hook.ts';
import { requeueAll } from './letters.ts';

export type Placed = { readonly id: string };
/** An event as one of the two readers heard it. */
export type Told = { readonly position: number; readonly type: string };

const PRODUCTS = 5;
/** Of the first product there is not enough; of the others nobody comes to the end. */
const SCARCE = 40;
const PLENTY = 1_000_000;
const ANSWER_MS = 10_000;
/** So many clients send the same order at once. */
const CROWD = 16;

export type ShopPlan = {
  /** Who order, cancel and are sent what they paid for, each order from two clients at once; as long as it is open. */
  readonly buyers: number;
  /** Who have each order sent by sixteen clients at once, until there were `rounds` of these. */
  readonly crowds: number;
  readonly rounds: number;
  /** Milliseconds between two orders of one buyer, at most; and of sixteen at once. */
  readonly pauseMs: number;
  readonly crowdPauseMs: number;
};

type About = { readonly plan: ShopPlan; readonly random: Random; readonly closed: AbortSignal };
type Made = About & {
  readonly url: string;
  readonly key: string;
  readonly tenantId: string;
  readonly stock: ReadonlyMap<string, number>;
  readonly owner: Parley;
  readonly parley: Parley;
  readonly hook: Hook;
  readonly cursor: string;
};

/**
 * A tenant with a few products, and buyers. Every order is sent under one Idempotency-Key by several clients at once, each
 * until it has an answer. Two readers follow everything, one over SSE, one over a WebSocket; a webhook is sent it, too.
 */
export class Shop {
  readonly placed: Placed[] = [];
  readonly faults: Fault[] = [];
  readonly told = { sse: [] as Told[], ws: [] as Told[] };
  readonly stock: ReadonlyMap<string, number>;
  readonly tenantId: string;
  readonly hook: Hook;
  /** Both readers hear what comes after this place. */
  readonly joinedAt: number;
  refused = 0;
  /** Orders that sixteen clients sent at once. */
  rounds = 0;
  requeued = 0;
  readonly #o: Made;
  readonly #left = new AbortController();
  readonly #buying: Promise<unknown>;
  readonly #reading: Promise<unknown>;

  private constructor(made: Made) {
    this.#o = made;
    this.tenantId = made.tenantId;
    this.stock = made.stock;
    this.hook = made.hook;
    this.joinedAt = positionOf(made.cursor);
    this.#reading = Promise.all([this.#overSse(), this.#overWebSocket()]);
    const { buyers, crowds } = made.plan;
    this.#buying = Promise.all([
      ...Array.from({ length: buyers }, () => this.#buy(() => !made.closed.aborted, 2)),
      ...Array.from({ length: crowds }, () => this.#buy(() => this.hasRounds, CROWD)),
    ]);
  }

  static async start(url: string, { sink, ...about }: About & { sink: EffectSink }): Promise<Shop> {
    const owner = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory', timeoutMs: ANSWER_MS });
    const { tenant } = await owner.auth.signUp({
      email: `shop-${crypto.randomUUID()}@example.com`,
      password: `shop ${crypto.randomUUID()}`,
      tenant_name: 'Shop',
      name: 'Owner',
    });
    const { key } = await owner.apiKeys.create({
      name: 'shop',
      scopes: ['orders:read', 'orders:write', 'orders:operate', 'products:read', 'events:read'],
    });
    const stock = new Map<string, number>();
    for (let n = 1; n <= PRODUCTS; n++) {
      const price = { amount: n * 700, currency: 'EUR' as const };
      const pieces = n === 1 ? SCARCE : PLENTY;
      stock.set((await owner.products.create({ name: `Tea ${n}`, price, stock: pieces })).id, pieces);
    }
    const hook = await Hook.start(owner, sink, { tenantId: tenant.id, types: null });
    const { cursor } = await owner.events.list({ limit: 1 });
    const parley = new Parley({ baseUrl: `${url}/api/v1`, apiKey: key, timeoutMs: ANSWER_MS });
    return new Shop({ ...about, url, key, tenantId: tenant.id, stock, owner, parley, hook, cursor });
  }

  /** Resolves when the last buyer has gone. */
  async bought(): Promise<void> {
    await this.#buying;
  }

  /** Has everything that was put aside handled again. */
  async requeue(): Promise<void> {
    this.requeued += await requeueAll(this.#o.owner, this.#left.signal);
  }

  /** Ends the readers, when both have heard everything up to this place. */
  async read(position: number, withinMs: number): Promise<void> {
    const isThere = (told: readonly Told[]) => (told.at(-1)?.position ?? 0) >= position;
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(50))
      if (isThere(this.told.sse) && isThere(this.told.ws)) break;
    await this.left();
  }

  /** Ends the readers. */
  async left(): Promise<void> {
    this.#left.abort();
    await this.#reading;
  }

  /** Whether orders of sixteen are still to come, and come. */
  get hasRounds(): boolean {
    return this.rounds < this.#o.plan.rounds && this.faults.length === 0;
  }

  async #buy(isDue: () => boolean, clients: number): Promise<void> {
    const { random, plan, parley } = this.#o;
    while (isDue()) {
      if (clients === CROWD) this.rounds += 1;
      try {
        const id = await this.#place(clients);
        const luck = random();
        if (id === undefined) this.refused += 1;
        else if (clients < CROWD && luck < 0.3) await this.#decide(() => parley.orders.cancel(id));
        else if (clients < CROWD && luck < 0.6) await this.#decide(() => parley.orders.fulfil(id));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.faults.push(fault('other', `a buyer failed: ${why}`));
        return;
      }
      await delay(random() * (clients === CROWD ? plan.crowdPauseMs : plan.pauseMs));
    }
  }

  /** Sends one order from several clients at once; undefined where there was not enough. */
  async #place(clients: number): Promise<string | undefined> {
    const { random } = this.#o;
    const key = crypto.randomUUID();
    const all = [...this.stock.keys()];
    // What sixteen want at once is there.
    const offered = clients === CROWD ? all.slice(1) : all;
    const chosen = new Set([pick(random, offered), pick(random, offered)]);
    const quantity = () => 1 + Math.floor(random() * 3);
    const body = JSON.stringify({ lines: [...chosen].map((product_id) => ({ product_id, quantity: quantity() })) });
    const answers = await Promise.all(Array.from({ length: clients }, () => this.#send(key, body)));
    // A refusal is not kept: what one was told there is not enough of, somebody may have given back for the other.
    const different = new Set(answers.filter((answer) => answer !== undefined));
    if (different.size > 1)
      this.faults.push(fault('other', `one Idempotency-Key was answered in ${different.size} ways`));
    const [bytes] = different;
    if (bytes === undefined) return undefined;
    const { id } = JSON.parse(Buffer.from(bytes, 'latin1').toString()) as { id: string };
    this.placed.push({ id });
    return id;
  }

  /** Until there is an answer: the bytes of a 201, or undefined for a 409 that says there is not enough. */
  async #send(key: string, body: string): Promise<string | undefined> {
    const { url, key: token, random } = this.#o;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key };
    for (;;) {
      this.#left.signal.throwIfAborted();
      try {
        const signal = AbortSignal.timeout(ANSWER_MS);
        const answer = await fetch(`${url}/api/v1/orders`, { method: 'POST', headers, body, signal });
        const bytes = Buffer.from(await answer.arrayBuffer());
        if (answer.status === 201) return bytes.toString('latin1');
        const { code } = (JSON.parse(bytes.toString()) as { error: { code: string } }).error;
        if (code === 'out_of_stock') return undefined;
        if (code !== 'idempotency_in_progress' && answer.status < 500 && answer.status !== 429)
          throw new Refused(`POST /orders: ${answer.status} ${code}`);
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      await delay(30 + random() * 50);
    }
  }

  /** Somebody decides; it may be too late for that, or too early. */
  async #decide(fn: () => Promise<unknown>): Promise<void> {
    await delay(this.#o.random() * 500);
    await persistently(this.#left.signal, fn).catch((error: unknown) => {
      if ((error as { status?: number }).status !== 409) throw error;
    });
  }

  async #overSse(): Promise<void> {
    const { parley, cursor } = this.#o;
    const { signal } = this.#left;
    for await (const event of parley.events.follow({ cursor, signal })) {
      if ('position' in event) this.told.sse.push({ type: event.type, position: event.position });
      else this.faults.push(fault('holes', 'SSE: reset'));
    }
  }

  async #overWebSocket(): Promise<void> {
    const { parley, cursor } = this.#o;
    const { signal } = this.#left;
    const socket = parley.connect();
    try {
      for await (const event of socket.subscribe('*', { cursor, signal })) {
        if (event.type === 'reset') this.faults.push(fault('holes', 'WebSocket: reset'));
        else if (event.cursor !== undefined)
          this.told.ws.push({ type: event.type, position: positionOf(event.cursor) });
      }
    } catch (error) {
      this.faults.push(fault('other', `WebSocket: ${error instanceof Error ? error.message : String(error)}`));
    } finally {
      socket.close();
    }
  }
}

const positionOf = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf('.') + 1));

class Refused extends Error {}
