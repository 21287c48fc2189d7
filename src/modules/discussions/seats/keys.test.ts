import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type Follower, follow } from '../../../../test/support/discussions.ts';
import { type Seat, seatedDiscussion } from '../../../../test/support/seats.ts';
import { type Client, createWorld, type Member, type World } from '../../../../test/support/world.ts';

let world: World;
let me: Member;
let nowMs = Date.now();
before(async () => {
  world = await createWorld({ app: { clock: { now: () => new Date(nowMs) } } });
  me = await world.signUp();
});
after(() => world.stop());

const DAY_MS = 24 * 3_600_000;
const keyPath = (path: string, participantId: string) => `${path}/participants/${participantId}/key`;
const seat = async (owner: Member = me) => {
  const { id, path, body, seats, events } = await seatedDiscussion(world, owner, { names: ['guest'] });
  events.close();
  const [one] = seats as [Seat];
  return { ...one, id, path, body, seatId: one.id, keyPath: keyPath(path, one.id) };
};
/** Why a stream ended. */
const endOf = (stream: Follower): Promise<string> =>
  stream
    .until(() => false)
    .then(
      () => '',
      (error: Error) => error.message,
    );
const reads = async (client: Client, path: string) => (await client.get(path)).status;

test('a key is shown once, kept as a digest, listed, and in no event; a repeat of its making gets it again', async () => {
  const made = await me.post('/discussions', { topic: 'x', participants: [{ seat: { name: 'guest' } }] });
  const path = `/discussions/${made.body.id}`;
  const [{ id: participantId }] = made.body.participants;
  const headers = { 'idempotency-key': randomUUID() };
  const first = await me.post(keyPath(path, participantId), { expires_in_days: 2 }, { headers });
  const { key, key_id, ...rest } = first.body;
  assert.deepEqual([first.status, first.headers.get('cache-control')], [201, 'no-store']);
  assert.deepEqual(rest, { participant_id: participantId, expires_at: new Date(nowMs + 2 * DAY_MS).toISOString() });
  const again = await me.post(keyPath(path, participantId), { expires_in_days: 2 }, { headers });
  assert.deepEqual([again.body.key, again.headers.get('cache-control')], [key, 'no-store']);
  assert.equal(await reads(world.as(key), path), 200, 'the repeat has not replaced it');

  const listed = (await me.get('/api-keys')).body.items.find(({ id }: { id: string }) => id === key_id);
  assert.deepEqual(
    [listed.name, listed.scopes, listed.confined_to],
    [
      'Seat guest',
      ['discussions:read', 'discussions:write'],
      { discussion_id: made.body.id, participant_id: participantId },
    ],
  );
  await world.settle();
  const secret = key.slice(key.indexOf('_', 7) + 9);
  for (const table of ['api_keys', 'idempotent_answers', 'events', 'audit_records']) {
    const rows = await world.db.system.all<{ row: string }>(sql`select t::text as row from ${sql.id(table)} t`);
    assert.ok(rows.length > 0 && rows.every(({ row }) => !row.includes(secret)), table);
  }
  const audit = (await me.get('/audit-log?limit=100')).body.items;
  const entry = audit.find((e: { subject?: string; data?: { api_key_id?: string } }) =>
    JSON.stringify(e).includes(key_id),
  );
  assert.match(JSON.stringify(entry), /api_key_created/);
});

test('a new key kills the old one at once, with its stream; of many at once one lives', async () => {
  const { id, body, path, client, keyPath: at } = await seat();
  const stream = await follow(client, id, { lastEventId: body.cursor });
  const ended = endOf(stream);
  const next = await me.post(at);
  await world.heard();
  assert.equal(await reads(client, path), 401);
  assert.match(await ended, /The stream ended/);
  assert.equal(await reads(world.as(next.body.key), path), 200);
  const many = await Promise.all(Array.from({ length: 6 }, () => me.post(at)));
  assert.deepEqual(new Set(many.map(({ status }) => status)), new Set([201]));
  await world.heard();
  const alive = await Promise.all(many.map(({ body: { key } }) => reads(world.as(key), path)));
  assert.deepEqual(alive.sort(), [200, 401, 401, 401, 401, 401]);
});

test('revoked by its seat, or among the API keys, it is refused and its streams end; without a key there is nothing to revoke', async () => {
  for (const way of ['seat', 'list']) {
    const { id, body, path, client, keyId, keyPath: at } = await seat();
    const stream = await follow(client, id, { lastEventId: body.cursor });
    const ended = endOf(stream);
    assert.equal((await me.delete(way === 'seat' ? at : `/api-keys/${keyId}`)).status, 204);
    assert.match(await ended, /The stream ended/);
    await world.heard();
    assert.equal(await reads(client, path), 401);
    assert.equal((await me.delete(at)).status, 404);
  }
  await world.settle();
  const entries = JSON.stringify((await me.get('/audit-log?limit=100')).body.items);
  for (const reason of ['revoked', 'replaced']) assert.ok(entries.includes(reason), reason);
});

test('it ends at its time, and at most within ten years', async () => {
  const { path, keyPath: at } = await seat();
  const { key } = (await me.post(at, { expires_in_days: 1 })).body;
  assert.equal(await reads(world.as(key), path), 200);
  const before = nowMs;
  nowMs += DAY_MS;
  const refused = await world.as(key).get(path);
  nowMs = before;
  assert.deepEqual([refused.status, refused.body.error.message], [401, 'This API key has expired.']);
  for (const expires_in_days of [0, 1.5, 3_651, '1', null])
    assert.equal((await me.post(at, { expires_in_days })).status, 422, String(expires_in_days));
});

test('an API key may make one, which dies with it: revoked, or at the same time', async () => {
  const { path, keyPath: at } = await seat();
  const maker = (await me.post('/api-keys', { name: 'bot', scopes: ['discussions:read', 'discussions:write'] })).body;
  const made = await world.as(maker.key).post(at);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const client = world.as(made.body.key);
  assert.equal(await reads(client, path), 200);
  assert.equal((await me.delete(`/api-keys/${maker.id}`)).status, 204);
  await world.heard();
  assert.equal(await reads(client, path), 401);
  await world.settle();
  assert.ok(JSON.stringify((await me.get('/audit-log?limit=100')).body.items).includes('maker_revoked'));

  const expires_at = new Date(nowMs + DAY_MS).toISOString();
  const brief = await me.post('/api-keys', {
    name: 'b',
    scopes: ['discussions:read', 'discussions:write'],
    expires_at,
  });
  assert.equal((await world.as(brief.body.key).post(at, { expires_in_days: 30 })).body.expires_at, expires_at);
});

test('a maker gives no right that it has not, and a seat gives none at all', async () => {
  const { keyPath: at, client } = await seat();
  const blind = (await me.post('/api-keys', { name: 'blind', scopes: ['discussions:write'] })).body;
  const refused = await world.as(blind.key).post(at);
  assert.deepEqual([refused.status, refused.body.error.details], [403, { scopes: ['discussions:read'] }]);
  assert.equal((await (await world.apiKey(me, ['viewer'])).post(at)).status, 403);
  assert.equal((await client.post(at)).status, 403);
  assert.equal((await client.delete(at)).status, 403);
});

test('only a seat has a key; elsewhere there is nothing', async () => {
  const participants = [{ user_id: me.userId }];
  const { body } = await me.post('/discussions', { topic: 'x', participants });
  const path = `/discussions/${body.id}`;
  const refused = await me.post(keyPath(path, body.participants[0].id));
  assert.deepEqual([refused.status, refused.body.error.message], [409, 'Only a seat has a key of its own.']);
  assert.equal((await me.post(keyPath(path, body.id))).status, 404);
  const { seatId } = await seat();
  assert.equal((await me.post(keyPath(path, seatId))).status, 404, 'a seat of another discussion');
  assert.equal((await me.delete(keyPath(path, seatId))).status, 404);
});

test('it ends when its maker leaves the tenant, and may no more than its maker', async () => {
  const owner = await world.signUp();
  const { body: invitation } = await owner.post('/invitations', { email: 'op@example.com', roles: ['operator'] });
  const joined = await world.anonymous.post('/auth/invitations/accept', {
    token: invitation.token,
    password: 'a long and quiet evening',
  });
  const { id, path, body, keyPath: at } = await seat(owner);
  const { key } = (await world.as(joined.body.access_token).post(at)).body;
  const client = world.as(key);
  const say = () => client.post(`${path}/messages`, { content: 'Hello.' });
  assert.equal((await say()).status, 201);
  assert.equal((await owner.patch(`/users/${joined.body.user.id}`, { roles: ['viewer'] })).status, 200);
  await world.settle();
  assert.equal((await say()).status, 403);
  assert.equal(await reads(client, path), 200);
  const stream = await follow(client, id, { lastEventId: body.cursor });
  const ended = endOf(stream);
  assert.equal((await owner.delete(`/users/${joined.body.user.id}`)).status, 204);
  assert.match(await ended, /The stream ended/);
  await world.settle();
  assert.equal(await reads(client, path), 401);
});

test('a fork’s seat needs a key of its own', async () => {
  const { path, client, seatId } = await seat();
  await me.post(`${path}/messages`, { content: 'Said.' });
  const fork = await me.post(`${path}/fork`, { seq: 1, start: false });
  assert.equal(fork.status, 201, JSON.stringify(fork.body));
  assert.equal(fork.body.participants[0].kind, 'seat');
  const there = `/discussions/${fork.body.id}`;
  assert.equal(await reads(client, there), 404);
  const own = await me.post(keyPath(there, fork.body.participants[0].id));
  assert.deepEqual([await reads(world.as(own.body.key), there), await reads(world.as(own.body.key), path)], [200, 404]);
  assert.equal(await reads(client, path), 200, 'the other key lives on');
  assert.ok(seatId);
});
