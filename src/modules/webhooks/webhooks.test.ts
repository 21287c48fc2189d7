import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createReceiver, type Received } from '../../../test/support/receiver.ts';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';

describe('webhooks', () => {
  let world: World;
  let owner: Member;
  before(async () => {
    world = await createWorld({ env: { OUTBOUND_ALLOW: '127.0.0.1' } });
    owner = await world.signUp();
  });
  after(() => world.stop());

  const verify = (secret: string, { body, headers }: Received) =>
    new Webhook(secret).verify(body, headers as Record<string, string>);
  const make = async (who: Member, body: object) => {
    const answer = await who.post('/webhooks', body);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body;
  };
  const agent = async (who: Member, name: string) => {
    const { status, body } = await who.post('/agents', { name, model: 'rehearsal' });
    assert.equal(status, 201);
    return body;
  };

  test('an event is sent once, as it stands in the log, with a signature that Standard Webhooks verifies', async () => {
    await using receiver = await createReceiver();
    const hook = await make(owner, { url: receiver.url, types: ['agent_registered'] });
    assert.match(hook.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    const made = await agent(owner, 'first');
    await world.settle();
    assert.equal(receiver.received.length, 1);
    const [got] = receiver.received as [Received];
    assert.equal(got.event.data.agent_id, made.id);
    assert.deepEqual(verify(hook.secret, got), got.event);
    const { items } = (await owner.get('/events?type=agent_registered')).body;
    assert.deepEqual(got.event, items[0]);
    const { items: deliveries } = (await owner.get(`/webhooks/${hook.id}/deliveries`)).body;
    assert.equal(deliveries.length, 1);
    assert.equal(deliveries[0].status, 'succeeded');
    assert.equal(deliveries[0].attempts[0].status, 204);
  });
});
