import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import type { Received } from './receiver.ts';
import { createWorld, type Member, type World } from './world.ts';

/** A world whose webhooks may be sent to this machine. */
export const webhookWorld = (): Promise<World> => createWorld({ env: { OUTBOUND_ALLOW: '127.0.0.1' } });

/** What Standard Webhooks' own package says to a delivery; it throws when that is not right. */
export const verify = (secret: string, { body, headers }: Received): unknown =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into.
type Body = any;

export async function makeWebhook(who: Member, body: object): Promise<Body> {
  const answer = await who.post('/webhooks', body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body;
}

let agents = 0;
/** Something happens: `agent_registered`. Answers the agent. */
export async function happen(who: Member): Promise<Body> {
  agents += 1;
  const { status, body } = await who.post('/agents', { name: `agent-${agents}`, model: 'rehearsal' });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

export async function deliveriesOf(who: Member, webhookId: string, query = ''): Promise<Body[]> {
  const { status, body } = await who.get(`/webhooks/${webhookId}/deliveries${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.items;
}

/** Has what waits for its time attempted now. */
export async function hurry(world: World): Promise<void> {
  await world.db.inSystemTx((tx) =>
    tx.run(sql`update jobs set run_at = now() where kind like 'webhooks.%' and state = 'waiting'`),
  );
  await world.settle();
}
