import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../lib/clock.ts';
import type { Verdict } from '../rules.ts';

/** Keys that it remembers; the oldest are forgotten. */
const MAX_KEYS = 10_000;
const MAX_BODY = 64 * 1024;
/** How long `slow@…` waits. */
const SLOW_MS = 2_000;

type Payment = { readonly id: string; status: Verdict; readonly reason?: string; readonly settlesAtMs?: number };

/** A payment service on this machine, for development: it speaks the real protocol, and moves no money. */
export type Rehearsal = {
  /** Starts it where it does not run yet. */
  address(): Promise<{ readonly url: string; readonly apiKey: string }>;
  stop(): Promise<void>;
};

/**
 * It says yes, but to a customer whose email begins with `declined@`; `slow@` is worked on for two seconds before it says
 * yes. The id of a payment is made from its key, so several processes with a rehearsal each tell the same.
 */
export function createRehearsal(clock: Clock): Rehearsal {
  const apiKey = randomBytes(16).toString('hex');
  const payments = new Map<string, Payment>();
  let server: Server | undefined;
  let starting: Promise<{ url: string; apiKey: string }> | undefined;

  async function start(): Promise<{ url: string; apiKey: string }> {
    server = createServer((request, response) => {
      answer(request, response).catch(() => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.unref();
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const body = await bodyOf(request);
    const key = String(headers['idempotency-key'] ?? '');
    if (headers.authorization !== `Bearer ${apiKey}`) return say(response, 401, { reason: 'unknown key' });
    const [, id, refunds] = /^\/payments\/([^/]+)(\/refunds)?$/.exec(url) ?? [];
    if (method === 'POST' && url === '/payments') return say(response, 201, charge(key, body));
    if (method === 'POST' && id === 'void') return say(response, 200, voided(key));
    if (method === 'POST' && id && refunds) return say(response, 201, { id: `refund_${id}`, status: 'succeeded' });
    if (method === 'GET' && id) return say(response, 200, settled(find(id)) ?? { id, status: 'succeeded' });
    return say(response, 404, { reason: 'no such path' });
  }

  const find = (id: string) => [...payments.values()].find((payment) => payment.id === id);

  function charge(key: string, body: { customer?: { email?: string } | null }): Payment {
    const known = settled(payments.get(key));
    if (known) return known;
    const who = body.customer?.email ?? '';
    const payment: Payment = /^declined@/i.test(who)
      ? { id: idOf(key), status: 'failed', reason: 'card_declined' }
      : /^slow@/i.test(who)
        ? { id: idOf(key), status: 'pending', settlesAtMs: clock.now().getTime() + SLOW_MS }
        : { id: idOf(key), status: 'succeeded' };
    return remember(key, payment);
  }

  function voided(key: string): Payment | { id: null; status: Verdict } {
    const known = settled(payments.get(key));
    if (known && known.status !== 'pending') return known;
    remember(key, { id: idOf(key), status: 'voided' });
    return { id: null, status: 'voided' };
  }

  function settled(payment: Payment | undefined): Payment | undefined {
    if (payment?.status === 'pending' && clock.now().getTime() >= (payment.settlesAtMs ?? 0))
      payment.status = 'succeeded';
    return payment;
  }

  function remember(key: string, payment: Payment): Payment {
    payments.set(key, payment);
    const [oldest] = payments.keys();
    if (payments.size > MAX_KEYS && oldest !== undefined) payments.delete(oldest);
    return payment;
  }

  return {
    address: () => {
      starting ??= start();
      return starting;
    },
    async stop() {
      await starting;
      server?.closeAllConnections();
      server?.close();
    },
  };
}

const idOf = (key: string) => `rehearsal_${createHash('sha256').update(key).digest('hex').slice(0, 20)}`;

async function bodyOf(request: IncomingMessage): Promise<{ customer?: { email?: string } | null }> {
  let text = '';
  for await (const piece of request) {
    text += String(piece);
    if (text.length > MAX_BODY) throw new Error('The body is too large');
  }
  return text === '' ? {} : (JSON.parse(text) as { customer?: { email?: string } | null });
}

function say(
  response: ServerResponse,
  status: number,
  { id, status: verdict, reason }: Partial<Omit<Payment, 'id'>> & { id?: string | null },
) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ ...(id !== undefined && { id }), ...(verdict && { status: verdict }), ...(reason && { reason }) }),
  );
}
