import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import type { Random } from '../../../src/modules/models/rehearsal/random.ts';
import type { Delivery } from './ledger.ts';

const SLOW_MS = 60;

/**
 * Receives webhooks, one address each. On a bad day it refuses some, and of some it takes note and breaks off before it has
 * said so; on a good one it takes all. Whatever came is in its books.
 */
export class Receiver {
  readonly deliveries: Delivery[] = [];
  bad = true;
  readonly #random: Random;
  readonly #secrets = new Map<string, Webhook>();
  readonly #server = createServer((request, response) => {
    this.#receive(request, response).catch(() => response.destroy());
  });

  constructor(random: Random) {
    this.#random = random;
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What comes to `/hook` is signed with this secret. */
  expect(hook: string, secret: string): void {
    this.#secrets.set(hook, new Webhook(secret));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const luck = this.bad ? this.#random() : 1;
    const taken = luck >= 0.03;
    this.#book(request, body, taken);
    if (this.bad) await delay(this.#random() * SLOW_MS);
    if (!taken) response.writeHead(luck < 0.01 ? 500 : 503).end('not now');
    else if (luck < 0.06) request.socket.resetAndDestroy();
    else response.writeHead(204).end();
  }

  #book({ url = '', headers }: IncomingMessage, body: Buffer, taken: boolean): void {
    const hook = url.slice(1);
    const { id, type, stream, position, tenantid } = JSON.parse(body.toString()) as Delivery['event'];
    this.deliveries.push({
      ...{ hook, taken, id: String(headers['webhook-id']) },
      forged: this.#forged(hook, body, headers as Record<string, string>),
      digest: createHash('sha256').update(body).digest('base64url'),
      event: { id, type, stream, position, tenantid },
    });
  }

  #forged(hook: string, body: Buffer, headers: Record<string, string>): string | null {
    try {
      const secret = this.#secrets.get(hook);
      if (secret === undefined) return 'nobody expects it';
      secret.verify(body, headers);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
