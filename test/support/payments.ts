import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Status = 'succeeded' | 'failed' | 'pending' | 'voided';

/** What the service does with one request. It books before it fails where `booked` says so: then only the answer is lost. */
export type Behaviour =
  | { does: 'answer'; status?: 'succeeded' | 'failed' | 'pending'; reason?: string; afterMs?: number }
  | { does: 'error'; status: number; booked?: boolean; headers?: Record<string, string> }
  | { does: 'cut'; booked?: boolean }
  | { does: 'hang'; booked?: boolean }
  | { does: 'garbage'; booked?: boolean };

export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: {
    order_id?: string;
    amount?: number;
    currency?: string;
    customer?: { email: string } | null;
  };
};
export type Step = Behaviour | ((asked: Asked) => Behaviour);

type Payment = {
  id: string;
  orderId: string;
  amount: number;
  currency: string;
  status: Status;
  reason?: string;
  refunded: number;
};

/**
 * A payment service that speaks the protocol of docs/guides/orders.md over a real socket, with faults by script. Its books
 * are the truth of the tests: what was charged and given back, whatever Parley believes.
 */
export class PaymentStandIn implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly apiKey = 'pay_test';
  readonly #payments = new Map<string, Payment>();
  readonly #refunds = new Map<string, { id: string; status: Status; reason?: string }>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #waiting = new Set<() => void>();
  #script: Step[] = [{ does: 'answer' }];
  #made = 0;

  static async start(): Promise<PaymentStandIn> {
    const service = new PaymentStandIn();
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  /** The settings under which a world uses it. */
  get env(): { PAYMENT_URL: string; PAYMENT_API_KEY: string } {
    const { port } = this.#server.address() as AddressInfo;
    return { PAYMENT_URL: `http://127.0.0.1:${port}/v1`, PAYMENT_API_KEY: this.apiKey };
  }

  /** What is done with the next requests, one each; the last one for all that follow. */
  script(...steps: [Step, ...Step[]]): void {
    this.#script = steps;
  }

  /** Resolves when a request for which `is` holds has come. */
  async heard(is: (asked: Asked) => boolean): Promise<Asked> {
    for (;;) {
      const found = this.asked.find(is);
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Every payment of an order; more than one that succeeded is a customer charged twice. */
  paymentsOf(orderId: string): Payment[] {
    return [...this.#payments.values()].filter((payment) => payment.orderId === orderId);
  }

  /** How much of a customer's money is here for an order: charged, and not given back. */
  balanceOf(orderId: string): number {
    const charged = this.paymentsOf(orderId).filter(({ status }) => status === 'succeeded');
    return charged.reduce((sum, { amount, refunded }) => sum + amount - refunded, 0);
  }

  /** Ends what is pending. */
  settle(orderId: string, status: 'succeeded' | 'failed'): void {
    for (const payment of this.paymentsOf(orderId)) if (payment.status === 'pending') payment.status = status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const piece of request) text += String(piece);
    const { method = '', url = '', headers } = request;
    const asked: Asked = {
      ...{ method, path: url.replace(/^\/v1/, ''), headers },
      key: String(headers['idempotency-key'] ?? ''),
      body: text === '' ? {} : (JSON.parse(text) as Asked['body']),
    };
    this.asked.push(asked);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    if (headers.authorization !== `Bearer ${this.apiKey}`) return say(response, 401, { reason: 'wrong key' });
    const step = (this.#script.length > 1 ? this.#script.shift() : this.#script[0]) as Step;
    const behaviour = typeof step === 'function' ? step(asked) : step;
    if (behaviour.does === 'answer') {
      const { status, said } = this.#book(asked, behaviour);
      if (behaviour.afterMs) await new Promise((resolve) => setTimeout(resolve, behaviour.afterMs));
      return say(response, status, said);
    }
    if (behaviour.booked) this.#book(asked, { does: 'answer' });
    if (behaviour.does === 'error') return say(response, behaviour.status, { reason: 'fault' }, behaviour.headers);
    if (behaviour.does === 'cut') request.socket.resetAndDestroy();
    if (behaviour.does === 'garbage') response.writeHead(200).end('<html>');
  }

  /** Does what is asked for, once for a key. */
  #book(asked: Asked, behaviour: Extract<Behaviour, { does: 'answer' }>): { status: number; said: object } {
    const { method, path, key, body } = asked;
    const [, id, refunds] = /^\/payments\/([^/]+)(\/refunds)?$/.exec(path) ?? [];
    if (method === 'POST' && path === '/payments') return { status: 201, said: this.#charge(key, body, behaviour) };
    if (method === 'POST' && id === 'void') return { status: 200, said: this.#void(key, body) };
    const payment = [...this.#payments.values()].find((one) => one.id === id);
    if (payment === undefined) return { status: 404, said: { reason: 'no such payment' } };
    if (refunds) return { status: 201, said: this.#refund(key, payment, { body, behaviour }) };
    return { status: 200, said: shown(payment) };
  }

  #charge(key: string, body: Asked['body'], { status = 'succeeded', reason }: { status?: Status; reason?: string }) {
    const known = this.#payments.get(key);
    if (known) return shown(known);
    this.#made += 1;
    const { order_id: orderId = '', amount = 0, currency = '' } = body;
    const payment = {
      id: `pay_${this.#made}`,
      orderId,
      amount,
      currency,
      status,
      refunded: 0,
      ...(reason && { reason }),
    };
    this.#payments.set(key, payment);
    return shown(payment);
  }

  #void(key: string, { order_id: orderId = '' }: Asked['body']) {
    const known = this.#payments.get(key);
    if (known && known.status !== 'pending') return shown(known);
    this.#made += 1;
    const payment: Payment = known ?? {
      id: `pay_${this.#made}`,
      orderId,
      amount: 0,
      currency: '',
      status: 'voided',
      refunded: 0,
    };
    payment.status = 'voided';
    this.#payments.set(key, payment);
    return shown(payment);
  }

  #refund(
    key: string,
    payment: Payment,
    { body, behaviour }: { body: Asked['body']; behaviour: { status?: Status; reason?: string } },
  ) {
    const known = this.#refunds.get(key);
    if (known) return known;
    const { status = 'succeeded', reason } = behaviour;
    if (status === 'succeeded') payment.refunded += body.amount ?? 0;
    const refund = { id: `re_${this.#refunds.size + 1}`, status, ...(reason && { reason }) };
    this.#refunds.set(key, refund);
    return refund;
  }
}

const shown = ({ id, status, reason }: Payment) => ({ id, status, ...(reason && { reason }) });

function say(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
