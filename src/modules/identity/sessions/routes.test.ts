import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createWorld, type World } from '../../../../test/support/world.ts';

let world: World;
let nowMs = Date.now();
/** Moves the server's clock; the test's own does not matter. */
const pass = (seconds: number) => {
  nowMs += seconds * 1_000;
};
before(async () => {
  world = await createWorld({
    app: { clock: { now: () => new Date(nowMs) }, limits: { sign_in: { tokens: 100_000, windowSeconds: 1 } } },
  });
});
after(() => world.stop());

const PASSWORD = 'correct horse battery';
let people = 0;
const newEmail = () => `person${++people}@example.com`;
const signIn = (username: string, password: string, more: object = {}) =>
  world.anonymous.post('/auth/token', { grant_type: 'password', username, password, ...more });
const refresh = (token: string) =>
  world.anonymous.post('/auth/token', { grant_type: 'refresh_token', refresh_token: token });
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());

describe('refresh', () => {
  test('gives a successor, and a repeat within ten seconds the same one', async () => {
    const { refreshToken, tenantId, sessionId } = await world.signUp();
    const first = (await refresh(refreshToken)).body;
    assert.notEqual(first.refresh_token, refreshToken);
    assert.deepEqual([claimsOf(first.access_token).tid, claimsOf(first.access_token).sid], [tenantId, sessionId]);
    pass(10);
    assert.equal((await refresh(refreshToken)).body.refresh_token, first.refresh_token);
    const second = (await refresh(first.refresh_token)).body;
    assert.notEqual(second.refresh_token, first.refresh_token);
  });

  test('many at once get one and the same successor', async () => {
    const { refreshToken } = await world.signUp();
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)));
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([200]));
    const successors = new Set(answers.map((answer) => answer.body.refresh_token));
    assert.equal(successors.size, 1);
    assert.equal((await refresh([...successors][0])).status, 200);
  });

  test('of a token that was used long ago ends the session, and the audit says so', async () => {
    const member = await world.signUp();
    const { body: first } = await refresh(member.refreshToken);
    pass(11);
    assert.equal((await refresh(member.refreshToken)).body.error, 'invalid_grant');
    assert.equal((await refresh(first.refresh_token)).body.error, 'invalid_grant');
    assert.equal((await world.as(first.access_token).get('/auth/me')).status, 401);
    // Once more is not one event more.
    await refresh(member.refreshToken);
    await world.settle();
    const again = await signIn(member.email, member.password);
    const log = await world.as(again.body.access_token).get('/audit-log');
    const types = log.body.items.map((item: { type: string }) => item.type);
    assert.equal(types.filter((type: string) => type === 'refresh_reused').length, 1);
    assert.equal(types.filter((type: string) => type === 'session_revoked').length, 1);
  });

  test('ends after thirty days without use, and after ninety in any case', async () => {
    const DAY = 86_400;
    const idle = await world.signUp();
    const busy = await world.signUp();
    let token = busy.refreshToken;
    for (let day = 25; day < 90; day += 25) {
      pass(25 * DAY);
      const { status, body } = await refresh(token);
      assert.equal(status, 200, `day ${day}`);
      token = body.refresh_token;
    }
    assert.equal((await refresh(idle.refreshToken)).status, 400);
    pass(15 * DAY);
    assert.equal((await refresh(token)).status, 400);
  });
});

describe('the cookie', () => {
  const cookieOf = (answer: { headers: Headers }) => answer.headers.get('set-cookie') ?? '';
  const pairOf = (cookie: string) => cookie.split(';')[0] as string;
  const useCookie = (cookie: string, headers: Record<string, string> = {}) =>
    world.anonymous.post('/auth/token', { grant_type: 'refresh_token' }, { headers: { cookie, ...headers } });

  test('keeps the refresh token where no script, other site or other path gets at it', async () => {
    const email = newEmail();
    const input = { email, password: PASSWORD, tenant_name: 'X', session: 'cookie' };
    const registered = await world.anonymous.post('/auth/register', input);
    const signedIn = await signIn(email, PASSWORD, { session: 'cookie' });
    for (const answer of [registered, signedIn]) {
      assert.equal('refresh_token' in answer.body, false);
      assert.match(
        cookieOf(answer),
        /^parley_refresh=parley_refresh_[\w-]+; Max-Age=\d+; Path=\/api\/v1\/auth; HttpOnly; SameSite=Strict$/,
      );
    }
    const first = await useCookie(`theme=dark; ${pairOf(cookieOf(signedIn))}; x=y`);
    assert.equal(first.status, 200);
    assert.equal('refresh_token' in first.body, false);
    assert.notEqual(pairOf(cookieOf(first)), pairOf(cookieOf(signedIn)));
    assert.equal((await useCookie(pairOf(cookieOf(first)))).status, 200);
  });

  test('is not taken from a page of another origin', async () => {
    const email = newEmail();
    await world.signUp({ email, password: PASSWORD });
    const cookie = pairOf(cookieOf(await signIn(email, PASSWORD, { session: 'cookie' })));
    const foreign = await useCookie(cookie, { origin: 'http://127.0.0.1:1' });
    assert.equal(foreign.status, 403);
    assert.equal((await useCookie(cookie, { origin: 'null' })).status, 403);
    assert.equal((await useCookie(cookie, { origin: world.url })).status, 200);
  });

  test('is dropped by signing out', async () => {
    const email = newEmail();
    await world.signUp({ email, password: PASSWORD });
    const signedIn = await signIn(email, PASSWORD, { session: 'cookie' });
    const cookie = pairOf(cookieOf(signedIn));
    const out = await world.anonymous.post('/auth/revoke', {}, { headers: { cookie } });
    assert.equal(out.status, 200);
    assert.match(cookieOf(out), /^parley_refresh=; Max-Age=0; Path=\/api\/v1\/auth; HttpOnly/);
    assert.equal((await useCookie(cookie)).status, 400);
    assert.equal((await world.as(signedIn.body.access_token).get('/auth/me')).status, 401);
  });
});

describe('signing out', () => {
  for (const kind of ['refreshToken', 'token'] as const) {
    test(`by the ${kind} ends the session at once`, async () => {
      const member = await world.signUp();
      assert.equal((await world.anonymous.post('/auth/revoke', { token: member[kind] })).status, 200);
      assert.equal((await member.get('/auth/me')).status, 401);
      assert.equal((await refresh(member.refreshToken)).status, 400);
    });
  }

  test('of nobody answers 200, too', async () => {
    for (const body of [{}, { token: 'nonsense' }, { token: '', token_type_hint: 'x' }, { token: 'a.b.c', extra: 1 }])
      assert.deepEqual((await world.anonymous.post('/auth/revoke', body)).status, 200, JSON.stringify(body));
  });
});

describe('sessions', () => {
  test('are listed for their user, and each can be ended', async () => {
    const here = await world.signUp({ email: newEmail(), password: PASSWORD });
    pass(1);
    const there = (await signIn(here.email, PASSWORD)).body;
    const { items } = (await here.get('/auth/sessions')).body;
    assert.deepEqual(
      items.map((item: { id: string; current: boolean }) => [item.id, item.current]),
      [
        [claimsOf(there.access_token).sid, false],
        [here.sessionId, true],
      ],
    );
    assert.equal(items[0].ip, '127.0.0.1');
    const other = world.as(there.access_token);
    assert.equal((await other.get('/auth/me')).status, 200);
    assert.equal((await here.delete(`/auth/sessions/${items[0].id}`)).status, 204);
    await world.heard();
    assert.equal((await other.get('/auth/me')).status, 401);
    assert.equal((await refresh(there.refresh_token)).status, 400);
    assert.equal((await here.delete(`/auth/sessions/${items[0].id}`)).status, 404);
    assert.equal((await here.get('/auth/sessions')).body.items.length, 1);
    const stranger = await world.signUp();
    assert.equal((await stranger.delete(`/auth/sessions/${here.sessionId}`)).status, 404);
    assert.equal((await here.get('/auth/me')).status, 200);
  });

  test('end with their open streams', async () => {
    const member = await world.signUp();
    const ended = Promise.withResolvers<string>();
    const { tenantId, userId: actorId, sessionId } = member;
    await world.app.hub.subscribe({
      ...{ tenantId, actorId, sessionId, sink: () => true, onEnd: ended.resolve },
    });
    assert.equal((await member.delete(`/auth/sessions/${sessionId}`)).status, 204);
    assert.equal(await ended.promise, 'revoked');
  });

  test('of a key there are none', async () => {
    const member = await world.signUp();
    const key = await world.apiKey(member, ['owner']);
    assert.equal((await key.get('/auth/sessions')).status, 403);
    assert.equal((await key.delete(`/auth/sessions/${member.sessionId}`)).status, 403);
    const me = (await key.get('/auth/me')).body;
    assert.deepEqual([me.user, me.actor.kind, me.tenants], [null, 'api_key', []]);
  });
});
