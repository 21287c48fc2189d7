import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { createReceiver, type Received, type Receiver } from '../../../../test/support/receiver.ts';
import { deliveriesOf, happen, hurry, makeWebhook, verify, webhookWorld } from '../../../../test/support/webhooks.ts';
import type { Member, World } from '../../../../test/support/world.ts';

const TYPES = ['agent_registered'];
const DAY_MS = 86_400_000;
/** What fails is tried again by itself after a second or more, which a busy machine may need for a few steps of a test. */
const SOON = { 'retry-after': '5' };
const LATE = { 'retry-after': '3600' };

describe('deliveries', () => {
  let world: World;
  let who: Member;
  before(async () => {
    world = await webhookWorld();
  });
  after(() => world.stop());

  const webhook = async (receiver: Receiver, more: object = {}) => {
    who = await world.signUp();
    return makeWebhook(who, { url: receiver.url, types: TYPES, ...more });
  };
  const run = (query: ReturnType<typeof sql>) => world.db.inSystemTx((tx) => tx.run(query));
  const one = async (hook: { id: string }) => {
    const [delivery, ...others] = await deliveriesOf(who, hook.id);
    assert.equal(others.length, 0);
    return delivery;
  };

  test('what fails comes again by the schedule, the same but for its time, until it is taken', async () => {
    const answers = [500, 404, 302, 200];
    await using receiver = await createReceiver((response) => {
      response.writeHead(answers.shift() ?? 500, { location: 'https://example.com/', ...SOON }).end('so it is');
    });
    const hook = await webhook(receiver);
    await happen(who);
    await world.settle();
    const first = await one(hook);
    assert.deepEqual([first.status, first.attempt_count, first.completed_at], ['pending', 1, null]);
    const waitMs = Date.parse(first.next_attempt_at) - Date.now();
    assert.ok(waitMs > -1_000 && waitMs < 10_500, String(waitMs));
    assert.ok((await who.get(`/webhooks/${hook.id}`)).body.failing_since);
    for (let n = 0; n < 3; n++) await hurry(world);
    const done = await one(hook);
    assert.deepEqual([done.status, done.attempt_count, done.next_attempt_at], ['succeeded', 4, null]);
    assert.deepEqual(
      done.attempts.map(({ number, status, error, response }: Record<string, unknown>) => [
        number,
        status,
        error,
        response,
      ]),
      [
        [1, 500, 'The receiver answered 500.', 'so it is'],
        [2, 404, 'The receiver answered 404.', 'so it is'],
        [3, null, 'The answer was a redirect, which is not followed.', null],
        [4, 200, null, 'so it is'],
      ],
    );
    assert.equal((await who.get(`/webhooks/${hook.id}`)).body.failing_since, null);
    assert.equal(new Set(receiver.received.map(({ body }) => body)).size, 1);
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
    for (const got of receiver.received) verify(hook.secret, got);
    await hurry(world);
    assert.equal(receiver.received.length, 4);
  });

  test('a receiver that asks for patience has it', async () => {
    await using receiver = await createReceiver((response) => response.writeHead(429, { 'retry-after': '7200' }).end());
    const hook = await webhook(receiver);
    await happen(who);
    await world.settle();
    const waitMs = Date.parse((await one(hook)).next_attempt_at) - Date.now();
    assert.ok(waitMs > 7_100_000 && waitMs <= 7_200_500, String(waitMs));
  });

  test('after its last attempt a delivery has failed, and a retry by hand begins anew', async () => {
    let status = 500;
    await using receiver = await createReceiver((response) => response.writeHead(status, LATE).end());
    const hook = await webhook(receiver);
    await happen(who);
    await world.settle();
    await run(sql`update webhook_deliveries set failures = 14 where webhook_id = ${hook.id}`);
    await hurry(world);
    const failed = await one(hook);
    assert.deepEqual([failed.status, failed.next_attempt_at], ['failed', null]);
    assert.ok(failed.completed_at);
    await hurry(world);
    assert.equal(receiver.received.length, 2);
    const retry = () => who.post(`/webhooks/${hook.id}/deliveries/${failed.id}/retry`);
    assert.deepEqual([(await retry()).body.status], ['pending']);
    await world.settle();
    const again = await one(hook);
    assert.deepEqual([again.status, again.attempt_count], ['pending', 3]);
    status = 200;
    await retry();
    await world.settle();
    assert.deepEqual([(await one(hook)).status, receiver.received.length], ['succeeded', 4]);
    // One that was taken may be sent again as well.
    await retry();
    await world.settle();
    assert.deepEqual([(await one(hook)).status, receiver.received.length], ['succeeded', 5]);
  });

  test('many retries of one delivery at once, while it is being sent, all answer', async () => {
    await using receiver = await createReceiver();
    const hook = await webhook(receiver);
    await happen(who);
    await world.settle();
    const { id } = await one(hook);
    for (let round = 0; round < 10; round++) {
      const retries = Array.from({ length: 16 }, () => who.post(`/webhooks/${hook.id}/deliveries/${id}/retry`));
      for (const { status, body } of await Promise.all(retries)) assert.equal(status, 200, JSON.stringify(body));
    }
    await world.settle();
    assert.equal((await one(hook)).status, 'succeeded');
  });

  test('410 turns the webhook off at once, with what waits for it, and says so; it can be turned on again', async () => {
    let status = 500;
    await using receiver = await createReceiver((response) => response.writeHead(status, LATE).end());
    await using observer = await createReceiver();
    const hook = await webhook(receiver);
    await makeWebhook(who, { url: observer.url, types: ['webhook_disabled'] });
    await happen(who);
    await happen(who);
    await world.settle();
    const [newest, oldest] = await deliveriesOf(who, hook.id);
    status = 410;
    await who.post(`/webhooks/${hook.id}/deliveries/${oldest.id}/retry`);
    await world.settle();
    const off = (await who.get(`/webhooks/${hook.id}`)).body;
    assert.deepEqual([off.enabled, off.disabled_reason], [false, 'gone']);
    assert.ok(off.disabled_at);
    const [told] = observer.received as [Received];
    assert.deepEqual([told.event.data.webhook_id, told.event.data.reason], [hook.id, 'gone']);
    for (const { status: state, next_attempt_at } of await deliveriesOf(who, hook.id))
      assert.deepEqual([state, next_attempt_at], ['cancelled', null]);
    const refused = await who.post(`/webhooks/${hook.id}/deliveries/${newest.id}/retry`);
    assert.deepEqual([refused.status, refused.body.error.code], [409, 'conflict']);
    await happen(who);
    await hurry(world);
    assert.equal(receiver.received.length, 3);

    status = 204;
    await who.post(`/webhooks/${hook.id}/enable`);
    await happen(who);
    await who.post(`/webhooks/${hook.id}/deliveries/${newest.id}/retry`);
    await hurry(world);
    assert.equal(receiver.received.length, 5);
    assert.equal((await deliveriesOf(who, hook.id, '?status=succeeded')).length, 2);
  });

  test('five days without one success turn it off; a success between begins them anew', async () => {
    let status = 503;
    await using receiver = await createReceiver((response) => response.writeHead(status, LATE).end());
    const hook = await webhook(receiver);
    const age = (days: number) =>
      run(sql`update webhooks set failing_since = now() - ${days}::int * interval '1 day' where id = ${hook.id}`);
    const read = async () => (await who.get(`/webhooks/${hook.id}`)).body;
    await happen(who);
    await world.settle();
    await age(4);
    await hurry(world);
    assert.equal((await read()).enabled, true);
    status = 200;
    await hurry(world);
    assert.equal((await read()).failing_since, null);
    status = 503;
    await happen(who);
    await world.settle();
    assert.ok(Date.now() - Date.parse((await read()).failing_since) < DAY_MS);
    await age(5);
    await hurry(world);
    const off = await read();
    assert.deepEqual([off.enabled, off.disabled_reason], [false, 'failing']);
  });

  test('a test is sent once, also to a webhook that is off, and says nothing of how the webhook does', async () => {
    let status = 200;
    await using receiver = await createReceiver((response) => response.writeHead(status).end());
    const hook = await webhook(receiver, { enabled: false });
    const send = (body?: object) => who.post(`/webhooks/${hook.id}/test`, body);
    assert.equal((await send()).status, 201);
    assert.equal((await send({ type: 'agent_registered' })).status, 201);
    await world.settle();
    const [plain, example] = receiver.received as [Received, Received];
    assert.deepEqual(
      [plain.event.type, plain.event.test, plain.event.data.webhook_id],
      ['webhook_test', true, hook.id],
    );
    verify(hook.secret, plain);
    assert.deepEqual([example.event.type, example.event.data.name], ['agent_registered', 'critic']);
    status = 500;
    const { body } = await send();
    await hurry(world);
    const failed = (await who.get(`/webhooks/${hook.id}/deliveries/${body.id}`)).body;
    assert.deepEqual([failed.status, failed.kind, failed.attempt_count, failed.cursor], ['failed', 'test', 1, null]);
    assert.equal((await who.get(`/webhooks/${hook.id}`)).body.failing_since, null);
    const unknown = await send({ type: 'no_such' });
    assert.deepEqual([unknown.status, unknown.body.error.details.fields[0].field], [422, 'type']);
  });

  test('at least once: of a process that lost its claim after the POST, another sends the same again', async () => {
    const held = Promise.withResolvers<void>();
    await using receiver = await createReceiver((response) => {
      if (receiver.received.length > 1) return void response.writeHead(204).end();
      void held.promise.then(() => response.writeHead(204).end());
    });
    const hook = await webhook(receiver);
    await happen(who);
    await receiver.until(1);
    // As if this process had been taken for dead: its job is another's, before its receiver answers.
    await run(sql`update jobs set state = 'waiting', holder = null where kind = 'webhooks.delivery'`);
    await receiver.until(2);
    held.resolve();
    await world.settle();
    const done = await one(hook);
    assert.deepEqual([done.status, done.attempt_count, done.attempts.length], ['succeeded', 1, 1]);
    const [a, b] = receiver.received as [Received, Received];
    assert.deepEqual([a.body, a.headers['webhook-id']], [b.body, b.headers['webhook-id']]);
    assert.equal(receiver.received.length, 2);
  });

  test('a slow receiver holds nobody else up', async () => {
    const held = Promise.withResolvers<void>();
    await using slow = await createReceiver((response) => void held.promise.then(() => response.writeHead(200).end()));
    await using quick = await createReceiver();
    const hook = await webhook(slow);
    await makeWebhook(who, { url: quick.url, types: TYPES });
    const COUNT = 24;
    for (let n = 0; n < COUNT; n++) await happen(who);
    await quick.until(COUNT);
    await slow.until(16);
    // At once from one process; where there are more of them, they do not know of one another.
    const most = 16 * world.apps.filter(({ roles }) => roles.includes('worker')).length;
    assert.ok(slow.received.length <= most, `${slow.received.length}`);
    held.resolve();
    for (let n = 0; n < 60 && slow.received.length < COUNT; n++) await hurry(world);
    assert.equal(slow.received.length, COUNT);
    const deliveries = await deliveriesOf(who, hook.id, '?limit=100');
    assert.equal(
      deliveries.filter(({ status, attempt_count }) => status === 'succeeded' && attempt_count === 1).length,
      COUNT,
    );
  });

  test('a page of deliveries leads to the next, by status and type', async () => {
    await using receiver = await createReceiver();
    const hook = await webhook(receiver, { types: null });
    for (let n = 0; n < 5; n++) await happen(who);
    await world.settle();
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await who.get(`/webhooks/${hook.id}/deliveries?limit=2&type=agent_registered${cursor}`);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor !== '');
    assert.equal(new Set(seen).size, 5);
    assert.deepEqual(seen, [...seen].sort().reverse());
    assert.deepEqual(await deliveriesOf(who, hook.id, '?status=failed'), []);
    const bad = await who.get(`/webhooks/${hook.id}/deliveries?cursor=abc`);
    assert.deepEqual([bad.status, bad.body.error.code], [400, 'invalid_cursor']);
  });
});
