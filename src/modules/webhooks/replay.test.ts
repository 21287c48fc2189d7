import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { createReceiver } from '../../../test/support/receiver.ts';
import { deliveriesOf, happen, hurry, makeWebhook, verify, webhookWorld } from '../../../test/support/webhooks.ts';
import type { Member, World } from '../../../test/support/world.ts';
import { append } from '../../platform/events/outbox.ts';
import { webhookChanged } from './events.ts';
import { upkeepSchedule } from './upkeep.ts';

const TYPES = ['agent_registered'];

describe('replays', () => {
  let world: World;
  let who: Member;
  before(async () => {
    world = await webhookWorld();
  });
  after(() => world.stop());
  const cursor = async () => {
    await world.settle();
    return (await who.get('/events')).body.cursor as string;
  };

  test('events of the log are sent again from a cursor on, with the ids of the first time, in order of the log', async () => {
    who = await world.signUp();
    await using receiver = await createReceiver();
    const start = await cursor();
    const before = [];
    for (let n = 0; n < 3; n++) before.push((await happen(who)).id);
    const middle = await cursor();
    for (let n = 0; n < 2; n++) before.push((await happen(who)).id);
    const end = await cursor();
    const hook = await makeWebhook(who, { url: receiver.url, types: TYPES });
    await happen(who);
    await world.settle();
    assert.equal(receiver.received.length, 1);

    const replay = async (body: object) => {
      receiver.received.splice(0);
      const answer = await who.post(`/webhooks/${hook.id}/replay`, body);
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      await world.settle();
      for (const got of receiver.received) verify(hook.secret, got);
      const ids = receiver.received.map(({ event }) => event.data.agent_id);
      return { ids: new Set(ids), count: ids.length, answer: answer.body };
    };
    const all = await replay({ from: start, to: end });
    assert.deepEqual([all.ids, all.count], [new Set(before), 5]);
    assert.deepEqual([all.answer.status, all.answer.from, all.answer.to], ['running', start, end]);
    const { replay: told } = (await who.get(`/webhooks/${hook.id}`)).body;
    assert.deepEqual([told.status, told.enqueued, told.position, told.trimmed], ['completed', 5, end, false]);
    // In line as they stand in the log.
    const line = (await deliveriesOf(who, hook.id)).filter(({ kind }) => kind === 'replay').reverse();
    const places = line.map(({ cursor: at }) => Number(at.split('.')[1]));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );

    const some = await replay({ from: middle, to: end });
    assert.deepEqual(some.ids, new Set(before.slice(3)));
    const newest = await replay({ from: start });
    assert.equal(newest.count, 6);
    const none = await replay({ from: await cursor() });
    assert.equal(none.count, 0);
    const { items } = (await who.get('/events?type=agent_registered')).body;
    const ids = new Set(items.map(({ id }: { id: string }) => id));
    for (const { event_id } of line) assert.ok(ids.has(event_id));
  });

  test('a cursor of another log is refused, and one before this log’s beginning is told', async () => {
    who = await world.signUp();
    await using receiver = await createReceiver();
    const hook = await makeWebhook(who, { url: receiver.url, types: TYPES });
    const at = await cursor();
    const [epoch, position] = at.split('.') as [string, string];
    const replay = (body: object) => who.post(`/webhooks/${hook.id}/replay`, body);
    const foreign = await replay({ from: 'zzzz.1' });
    assert.deepEqual([foreign.status, foreign.body.error.code], [400, 'invalid_cursor']);
    const backwards = await replay({ from: at, to: `${epoch}.0` });
    assert.equal(backwards.status, 422);
    assert.equal((await replay({ from: 'no cursor' })).status, 422);
    const beyond = await replay({ from: at, to: `${epoch}.${Number(position) + 10_000}` });
    assert.equal(beyond.status, 201);
    assert.ok(Number(beyond.body.to.split('.')[1]) <= Number(position) + 10);
    await who.patch(`/webhooks/${hook.id}`, { enabled: false }, { headers: { 'if-match': '*' } });
    const off = await replay({ from: at });
    assert.deepEqual([off.status, off.body.error.code], [409, 'conflict']);
  });

  test('a long one goes page by page, one at a time, no faster than it is taken, and ends when it is turned off', async () => {
    who = await world.signUp();
    await using receiver = await createReceiver((response) => response.writeHead(500).end());
    const start = await cursor();
    const { id } = await happen(who);
    const COUNT = 210;
    await world.db.inTx(who.ctx, async (tx) => {
      for (let version = 1; version <= COUNT; version++) {
        const by = { kind: 'system' as const, id: String(version) };
        const data = { webhook_id: id, host: 'example.com', change: 'updated' as const, by };
        append(tx, webhookChanged, { stream: `webhooks/${id}`, subject: id, data });
      }
    });
    await world.settle();
    const from = start;
    const to = await cursor();
    const hook = await makeWebhook(who, { url: receiver.url, types: ['webhook_changed'] });
    const begun = await who.post(`/webhooks/${hook.id}/replay`, { from, to });
    assert.equal(begun.status, 201);
    await world.settle();
    const { replay } = (await who.get(`/webhooks/${hook.id}`)).body;
    assert.deepEqual([replay.status, replay.enqueued], ['completed', COUNT]);
    const pending = await world.db.system.first<{ n: number }>(
      sql`select count(*) as n from webhook_deliveries where webhook_id = ${hook.id}`,
    );
    assert.equal(pending?.n, COUNT);

    // As much waits as a replay may add to.
    await world.db.inSystemTx((tx) =>
      tx.run(sql`
        insert into webhook_deliveries (tenant_id, id, webhook_id, kind, event_id, batch_id, type, stream, body)
        select tenant_id, gen_random_uuid(), webhook_id, 'event', gen_random_uuid(), webhook_id, type, stream, body
          from webhook_deliveries cross join generate_series(1, 5) where webhook_id = ${hook.id}`),
    );
    assert.equal((await who.post(`/webhooks/${hook.id}/replay`, { from, to })).status, 201);
    await hurry(world);
    const waiting = (await who.get(`/webhooks/${hook.id}`)).body.replay;
    assert.deepEqual([waiting.status, waiting.enqueued], ['running', 0]);
    const second = await who.post(`/webhooks/${hook.id}/replay`, { from, to });
    assert.deepEqual([second.status, second.body.error.code], [409, 'conflict']);
    await who.patch(`/webhooks/${hook.id}`, { enabled: false }, { headers: { 'if-match': '*' } });
    await hurry(world);
    assert.equal((await who.get(`/webhooks/${hook.id}`)).body.replay.status, 'cancelled');
  });

  test('what has ended is kept as long as the log, what waits longer; and too much of that turns a webhook off', async () => {
    who = await world.signUp();
    let status = 200;
    await using receiver = await createReceiver((response) => response.writeHead(status).end());
    const hook = await makeWebhook(who, { url: receiver.url, types: TYPES });
    await happen(who);
    await world.settle();
    status = 500;
    await happen(who);
    await happen(who);
    await world.settle();
    const age = sql`update webhook_deliveries set created_at = now() - interval '8 days' where webhook_id = ${hook.id}`;
    await world.db.inSystemTx((tx) => tx.run(age));
    const upkeep = (maxBacklog: number) =>
      upkeepSchedule({ db: world.db, log: world.app.log, retentionDays: 7, maxBacklog }).run(
        new AbortController().signal,
      );
    await upkeep(2);
    assert.deepEqual(
      (await deliveriesOf(who, hook.id)).map((delivery) => delivery.status),
      ['pending', 'pending'],
    );
    assert.equal((await who.get(`/webhooks/${hook.id}`)).body.enabled, true);
    await upkeep(1);
    const off = (await who.get(`/webhooks/${hook.id}`)).body;
    assert.deepEqual([off.enabled, off.disabled_reason], [false, 'backlog']);
    await upkeep(1);
    assert.deepEqual(await deliveriesOf(who, hook.id), []);
  });
});
