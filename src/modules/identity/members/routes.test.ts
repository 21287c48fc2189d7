import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';
import { uuidv7 } from '../../../lib/ids.ts';
import type { Role } from '../../../platform/auth/permissions.ts';

const options = (nowOf: () => number) => ({
  clock: { now: () => new Date(nowOf()) },
  limits: { sign_in: { tokens: 100_000, windowSeconds: 1 } },
});
let world: World;
let nowMs = Date.now();
before(async () => {
  world = await createWorld({ app: options(() => nowMs) });
});
after(() => world.stop());

const PASSWORD = 'correct horse battery';
let people = 0;
const newEmail = () => `member${++people}@example.com`;
const invite = (owner: Member, roles: Role[], email = newEmail()) => owner.post('/invitations', { email, roles });
const accept = (token: string, more: object = {}) =>
  world.anonymous.post('/auth/invitations/accept', { token, password: PASSWORD, ...more });

/** Somebody who joined the owner's tenant with these roles. */
async function join(owner: Member, roles: Role[]) {
  const { body: invitation } = await invite(owner, roles);
  const { status, body } = await accept(invitation.token);
  assert.equal(status, 201);
  return { ...world.as(body.access_token), userId: body.user.id as string, email: invitation.email as string };
}

describe('invitations', () => {
  test('are accepted by somebody new, who is then a member and signed in', async () => {
    const owner = await world.signUp({ tenantName: 'Inviting' });
    const email = newEmail();
    const made = await invite(owner, ['developer', 'viewer'], email);
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('cache-control'), 'no-store');
    assert.deepEqual([made.body.status, made.body.email, made.body.invited_by], ['open', email, owner.userId]);
    const { status, body } = await accept(made.body.token, { name: 'Grace' });
    assert.equal(status, 201);
    assert.deepEqual([body.user.email, body.user.name, body.tenant.name], [email, 'Grace', 'Inviting']);
    const me = (await world.as(body.access_token).get('/auth/me')).body;
    assert.deepEqual(me.roles, ['developer', 'viewer']);
    const listed = (await owner.get('/users')).body;
    assert.deepEqual(
      [listed.total, listed.items[1].name, listed.items[1].roles],
      [2, 'Grace', ['developer', 'viewer']],
    );
    const { items } = (await owner.get('/invitations')).body;
    assert.deepEqual([items[0].status, 'token' in items[0]], ['accepted', false]);
  });

  test('are accepted with the password of an account that exists by that account', async () => {
    const owner = await world.signUp();
    const guest = await world.signUp({ email: newEmail(), password: PASSWORD });
    const { body: invitation } = await invite(owner, ['viewer'], guest.email);
    const { body } = await accept(invitation.token);
    assert.equal(body.user.id, guest.userId);
    const me = (await world.as(body.access_token).get('/auth/me')).body;
    assert.equal(me.tenants.length, 2);
    const again = await invite(owner, ['viewer'], guest.email);
    assert.equal((await accept(again.body.token)).status, 409);
  });

  test('by two at once let one in', async () => {
    const owner = await world.signUp();
    const { body: invitation } = await invite(owner, ['viewer']);
    const answers = await Promise.all([
      accept(invitation.token),
      accept(invitation.token, { password: 'another one here' }),
    ]);
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, 404]);
    assert.equal((await owner.get('/users')).body.total, 2);
  });

  test('that are not good answer alike', async () => {
    const owner = await world.signUp();
    const [used, revoked, expired, orphaned] = await Promise.all([1, 2, 3, 4].map(() => invite(owner, ['viewer'])));
    await accept(used?.body.token);
    assert.equal((await owner.delete(`/invitations/${revoked?.body.id}`)).status, 204);
    assert.equal((await owner.delete(`/invitations/${revoked?.body.id}`)).status, 404);
    assert.equal((await owner.delete(`/invitations/${used?.body.id}`)).status, 404);
    const admin = await join(owner, ['admin']);
    const byAdmin = await admin.post('/invitations', { email: newEmail(), roles: ['admin'] });
    await owner.patch(`/users/${admin.userId}`, { roles: ['viewer'] });
    const messages = new Set<string>();
    const refuse = async (token: string) => {
      const { status, body } = await accept(token);
      assert.deepEqual([status, body.error.code], [404, 'not_found']);
      messages.add(body.error.message);
    };
    await refuse(byAdmin.body.token);
    for (const token of [used?.body.token, revoked?.body.token, 'nonsense', `${orphaned?.body.token}x`])
      await refuse(token);
    nowMs += 8 * 24 * 3_600_000;
    await refuse(expired?.body.token);
    assert.equal(messages.size, 1);
  });

  test('give no more than their author has', async () => {
    const owner = await world.signUp();
    const admin = await join(owner, ['admin']);
    assert.equal((await admin.post('/invitations', { email: newEmail(), roles: ['owner'] })).status, 403);
    assert.equal((await admin.post('/invitations', { email: newEmail(), roles: ['admin'] })).status, 201);
    const developer = await join(owner, ['developer']);
    assert.equal((await developer.post('/invitations', { email: newEmail(), roles: ['viewer'] })).status, 403);
  });
});

describe('members', () => {
  test('change what they may do at once', async () => {
    const owner = await world.signUp();
    const member = await join(owner, ['viewer']);
    assert.equal((await member.get('/users')).status, 403);
    const { status, body } = await owner.patch(`/users/${member.userId}`, { roles: ['developer'] });
    assert.deepEqual([status, body.roles], [200, ['developer']]);
    await world.heard();
    assert.equal((await member.get('/users')).status, 200);
    await owner.patch(`/users/${member.userId}`, { roles: ['viewer'] });
    await world.heard();
    assert.equal((await member.get('/users')).status, 403);
  });

  test('cannot raise themselves or others above themselves, nor lower who is above them', async () => {
    const owner = await world.signUp();
    const admin = await join(owner, ['admin']);
    const viewer = await join(owner, ['viewer']);
    const table: [userId: string, roles: Role[], status: number][] = [
      [admin.userId, ['owner'], 403],
      [viewer.userId, ['owner'], 403],
      [viewer.userId, ['viewer', 'owner'], 403],
      [owner.userId, ['viewer'], 403],
      [viewer.userId, ['admin'], 200],
      [viewer.userId, ['viewer'], 200],
      [uuidv7(), ['viewer'], 404],
    ];
    for (const [userId, roles, status] of table)
      assert.equal((await admin.patch(`/users/${userId}`, { roles })).status, status, JSON.stringify(roles));
    assert.equal((await admin.delete(`/users/${owner.userId}`)).status, 403);
    for (const roles of [[], ['king'], ['viewer', 'viewer'], 'viewer'])
      assert.equal((await owner.patch(`/users/${viewer.userId}`, { roles })).status, 422, JSON.stringify(roles));
  });

  test('that are removed are out at once: sessions, streams and keys', async () => {
    const owner = await world.signUp();
    const member = await join(owner, ['developer']);
    const key = await member.post('/api-keys', { name: 'theirs', scopes: ['agents:read'] });
    const withKey = world.as(key.body.key);
    assert.equal((await withKey.get('/agents')).status, 200);
    const ended = Promise.withResolvers<string>();
    const { tenantId } = owner;
    await world.app.hub.subscribe({ tenantId, actorId: member.userId, sink: () => true, onEnd: ended.resolve });
    assert.equal((await owner.delete(`/users/${member.userId}`)).status, 204);
    assert.equal(await ended.promise, 'revoked');
    assert.equal((await member.get('/auth/me')).status, 401);
    assert.equal((await withKey.get('/agents')).status, 401);
    assert.equal((await owner.delete(`/users/${member.userId}`)).status, 404);
    const signIn = { grant_type: 'password', username: member.email, password: PASSWORD };
    assert.equal((await world.anonymous.post('/auth/token', signIn)).body.error, 'invalid_grant');
  });

  test('of another tenant do not exist', async () => {
    const [one, two] = await Promise.all([world.signUp(), world.signUp()]);
    assert.equal((await one.patch(`/users/${two.userId}`, { roles: ['viewer'] })).status, 404);
    assert.equal((await one.delete(`/users/${two.userId}`)).status, 404);
    const { body } = await invite(two, ['viewer']);
    assert.equal((await one.delete(`/invitations/${body.id}`)).status, 404);
    assert.equal((await one.get('/invitations')).body.total, 0);
  });

  test('the last owner can neither go nor step down', async () => {
    const owner = await world.signUp();
    assert.equal((await owner.patch(`/users/${owner.userId}`, { roles: ['admin'] })).status, 409);
    assert.equal((await owner.delete(`/users/${owner.userId}`)).status, 409);
    const second = await join(owner, ['owner']);
    assert.equal((await owner.patch(`/users/${owner.userId}`, { roles: ['admin'] })).status, 200);
    assert.equal((await second.delete(`/users/${second.userId}`)).status, 409);
  });

  test('of two owners who remove each other at once, one stays', async () => {
    for (let round = 0; round < 5; round += 1) {
      const one = await world.signUp();
      const two = await join(one, ['owner']);
      const answers = await Promise.all([
        one.patch(`/users/${two.userId}`, { roles: ['viewer'] }),
        two.delete(`/users/${one.userId}`),
      ]);
      const succeeded = answers.filter((answer) => answer.status < 300).length;
      assert.equal(succeeded, 1, JSON.stringify(answers.map((answer) => answer.status)));
    }
  });
});

test('a server that is closed takes an invitation from accounts that exist, and makes none', async () => {
  await using closed = await createWorld({ env: { SIGNUP: 'closed' }, app: options(() => Date.now()) });
  const refused = await closed.anonymous.post('/auth/register', {
    ...{ email: newEmail(), password: PASSWORD, tenant_name: 'X' },
  });
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'signup_closed']);
  const { identity } = closed.app;
  const owner = await identity.register({ email: newEmail(), password: PASSWORD, tenantName: 'One' });
  const guest = await identity.register({ email: newEmail(), password: PASSWORD, tenantName: 'Two' });
  const asOwner = closed.as(owner.access_token);
  const take = async (email: string) => {
    const { body } = await asOwner.post('/invitations', { email, roles: ['viewer'] });
    return closed.anonymous.post('/auth/invitations/accept', { token: body.token, password: PASSWORD });
  };
  assert.equal((await take(guest.user.email)).body.user.id, guest.user.id);
  assert.equal((await take(newEmail())).body.error.code, 'signup_closed');
});
