import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type Seat, seatedDiscussion } from '../../../../test/support/seats.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';

let world: World;
let me: Member;
let nowMs = Date.now();
before(async () => {
  world = await createWorld({ app: { clock: { now: () => new Date(nowMs) } } });
  me = await world.signUp();
});
after(() => world.stop());

test('the deadline is the turn’s, or the discussion’s where that is sooner', async () => {
  const deadlineOf = async (limits: object) =>
    Date.parse((await seatedDiscussion(world, me, { names: ['a'], more: { limits } })).body.deadline);
  assert.equal(await deadlineOf({ turn_timeout_seconds: 30 }), nowMs + 30_000);
  assert.equal(await deadlineOf({ turn_timeout_seconds: 30, max_seconds: 12.5 }), nowMs + 12_500);
  const made = await me.post('/discussions', { topic: 'x', participants: [{ seat: { name: 'a' } }], start: false });
  assert.equal(made.body.deadline, null, 'nothing is under way');
});

test('a turn that was begun by a release without deadlines is claimed and ended like any other', async () => {
  const { id, path, seats, events } = await seatedDiscussion(world, me, {
    names: ['a'],
    more: { limits: { max_turns: 1, turn_timeout_seconds: 60 } },
  });
  const [a] = seats as [Seat];
  await world.db.inSystemTx((tx) =>
    tx.run(sql`update discussions set deadline = null where tenant_id = ${me.tenantId} and id = ${id}`),
  );
  const { status, body } = await a.client.post(`${path}/turns/1/claim`);
  assert.deepEqual([status, Date.parse(body.deadline)], [200, nowMs + 60_000], JSON.stringify(body));
  const posted = await a.client.post(`${path}/messages`, { content: 'Said.', turn: 1, fence: body.fence });
  assert.deepEqual([posted.status, posted.body.turn], [201, 1]);
  await events.until(({ event }) => event === 'discussion_completed');
  events.close();
});

test('a deadline that passes between claim and post refuses the post; the turn still ends once, as a skip', async () => {
  const { id, path, seats, events } = await seatedDiscussion(world, me, {
    names: ['a', 'b'],
    more: { limits: { max_turns: 5, turn_timeout_seconds: 60 } },
  });
  const [a] = seats as [Seat];
  const claimed = await a.client.post(`${path}/turns/1/claim`);
  assert.equal(claimed.status, 200, JSON.stringify(claimed.body));
  const { fence, deadline } = claimed.body;
  const post = () => a.client.post(`${path}/messages`, { content: 'Just in time?', turn: 1, fence });
  nowMs = Date.parse(deadline);
  const late = await post();
  assert.deepEqual(
    [late.status, late.body.error.code, late.body.error.details],
    [409, 'fence_outdated', { reason: 'deadline', turn: 1 }],
  );
  const claimedLate = await a.client.post(`${path}/turns/1/claim`);
  assert.deepEqual([claimedLate.status, claimedLate.body.error.code], [409, 'conflict']);
  // Jobs run by the database's clock, for which the minute has only begun.
  await world.db.inSystemTx((tx) =>
    tx.run(sql`update jobs set run_at = now() where tenant_id = ${me.tenantId} and key like ${`${id}/%`}`),
  );
  const skipped = await events.until(({ event }) => event === 'turn_skipped');
  assert.deepEqual([skipped.data.data.turn, skipped.data.data.reason], [1, 'timeout']);
  assert.equal((await post()).body.error.details.reason, 'turn_over');
  assert.equal((await me.get(`${path}/messages`)).body.items.length, 0);
  await me.post(`${path}/cancel`);
  events.close();
});

test('a message at the last millisecond counts, and its turn is not skipped as well', async () => {
  const { path, seats, events } = await seatedDiscussion(world, me, {
    names: ['a', 'b'],
    more: { limits: { max_turns: 2, turn_timeout_seconds: 60 } },
  });
  const [a, b] = seats as [Seat, Seat];
  const { fence, deadline } = (await a.client.post(`${path}/turns/1/claim`)).body;
  nowMs = Date.parse(deadline) - 1;
  const posted = await a.client.post(`${path}/messages`, { content: 'In time.', turn: 1, fence });
  assert.deepEqual([posted.status, posted.body.turn, posted.body.next_speaker.participant_id], [201, 1, b.id]);
  assert.equal(Date.parse((await me.get(path)).body.deadline), nowMs + 60_000);
  await me.post(`${path}/advance`);
  await events.until(({ event }) => event === 'discussion_completed');
  events.close();
  assert.deepEqual(
    events.frames.filter(({ event }) => event === 'turn_skipped').map(({ data }) => data.data.turn),
    [2],
  );
});

test('a clock that is set back, or another machine’s, counts no second twice', async () => {
  const limits = { turn_timeout_seconds: 3_600 };
  const { path, events } = await seatedDiscussion(world, me, { names: ['a'], more: { limits } });
  const begun = nowMs;
  const elapsed: number[] = [];
  for (const ms of [10_000, 5_000, 10_000, 4_000, 12_000]) {
    nowMs = begun + ms;
    await me.post(`${path}/messages`, { content: 'Well?' });
    elapsed.push((await me.get(path)).body.usage.elapsed_seconds);
  }
  assert.deepEqual(elapsed, [10, 10, 10, 10, 12]);
  await me.post(`${path}/cancel`);
  events.close();
});
