import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { createWorld, type World } from '../../../test/support/world.ts';
import { uuidv7 } from '../../lib/ids.ts';

let world: World;
let nowMs = Date.now();
/** Moves the server's clock; the test's own does not matter. */
const pass = (seconds: number) => {
  nowMs += seconds * 1_000;
};
before(async () => {
  world = await createWorld({
    // A Redis counts guesses by its own clock, which no test can move.
    redis: false,
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
const meOf = async (token: string) => (await world.as(token).get('/auth/me')).body;
const withoutId = (body: { request_id?: string }) => ({ ...body, request_id: undefined });

describe('sign-up', () => {
  test('makes a tenant and its owner, signed in', async () => {
    const email = newEmail();
    const { status, body, headers } = await world.anonymous.post('/auth/register', {
      ...{ email, password: PASSWORD, name: 'Ada', tenant_name: 'Engines' },
    });
    assert.equal(status, 201);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.deepEqual([body.user.email, body.user.name, body.tenant.name], [email, 'Ada', 'Engines']);
    assert.deepEqual([body.token_type, body.expires_in], ['Bearer', 600]);
    const me = await meOf(body.access_token);
    assert.deepEqual(me.user, body.user);
    assert.deepEqual(me.tenant, body.tenant);
    assert.deepEqual(me.roles, ['owner']);
    assert.deepEqual(me.tenants, [{ ...body.tenant, roles: ['owner'] }]);
    assert.ok(me.permissions.includes('tenant:write'));
  });

  test('with a taken email and another password answers as ever, and makes another account', async () => {
    const email = newEmail();
    const [first, second] = [
      await world.signUp({ email, password: PASSWORD }),
      await world.signUp({ email: email.toUpperCase(), password: 'another fine phrase' }),
    ];
    assert.notEqual(first.userId, second.userId);
    assert.equal(claimsOf((await signIn(email, PASSWORD)).body.access_token).sub, first.userId);
    assert.equal(claimsOf((await signIn(email, 'another fine phrase')).body.access_token).sub, second.userId);
  });

  test('with the email and password of an account gives it another tenant', async () => {
    const email = newEmail();
    const first = await world.signUp({ email, password: PASSWORD, tenantName: 'First' });
    pass(1);
    const second = await world.signUp({ email, password: PASSWORD, tenantName: 'Second' });
    assert.equal(second.userId, first.userId);
    assert.notEqual(second.tenantId, first.tenantId);
    const me = (await second.get('/auth/me')).body;
    assert.deepEqual(
      me.tenants.map((tenant: { name: string }) => tenant.name),
      ['Second', 'First'],
    );

    // Without a word the tenant used last; with `tenant_id` the one asked for, which is then the one used last.
    const tenantOf = async (more: object = {}) =>
      claimsOf((await signIn(email, PASSWORD, more)).body.access_token).tid as string;
    assert.equal(await tenantOf(), second.tenantId);
    pass(1);
    assert.equal(await tenantOf({ tenant_id: first.tenantId }), first.tenantId);
    assert.equal(await tenantOf(), first.tenantId);
    const stranger = await world.signUp();
    for (const tenant_id of [stranger.tenantId, uuidv7(), 'nonsense', ''])
      assert.deepEqual(
        [(await signIn(email, PASSWORD, { tenant_id })).body.error, tenant_id],
        ['invalid_grant', tenant_id],
      );
  });

  test('twice at once with one email and password comes to one account', async () => {
    const email = newEmail();
    const both = await Promise.all([1, 2, 3].map(() => world.signUp({ email, password: PASSWORD })));
    assert.equal(new Set(both.map((member) => member.userId)).size, 1);
    assert.equal(new Set(both.map((member) => member.tenantId)).size, 3);
  });

  test('refuses weak passwords and bad input with the fields that are wrong', async () => {
    const good = { email: newEmail(), password: PASSWORD, tenant_name: 'X' };
    const table: [change: object, field: string][] = [
      [{ password: 'short' }, 'password'],
      [{ password: 'password123' }, 'password'],
      [{ password: 'x'.repeat(600) }, 'password'],
      [{ password: 7 }, 'password'],
      [{ email: 'nobody' }, 'email'],
      [{ email: 'a\nb@example.com' }, 'email'],
      [{ tenant_name: '' }, 'tenant_name'],
      [{ tenant_name: 'a\u0000b' }, 'tenant_name'],
      [{ name: 'a\u0007b' }, 'name'],
      [{ role: 'owner' }, 'role'],
      [{ session: 'forever' }, 'session'],
    ];
    for (const [change, field] of table) {
      const { status, body } = await world.anonymous.post('/auth/register', { ...good, ...change });
      assert.equal(status, 422, JSON.stringify(change));
      assert.equal(body.error.code, 'validation_failed');
      assert.equal(body.error.details.fields[0].field, field, JSON.stringify(change));
    }
  });

  test('repeated with its Idempotency-Key answers the same, byte for byte', async () => {
    const input = { email: newEmail(), password: PASSWORD, tenant_name: 'Once' };
    const options = { headers: { 'idempotency-key': uuidv7() } };
    const first = await world.anonymous.post('/auth/register', input, options);
    const again = await world.anonymous.post('/auth/register', input, options);
    assert.deepEqual(again.body, first.body);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
  });
});

describe('the token endpoint', () => {
  test('takes forms and JSON, and ignores what it does not know', async () => {
    const { email } = await world.signUp({ email: newEmail(), password: PASSWORD });
    const json = await signIn(email, PASSWORD, { scope: 'openid', client_id: 'x', nested: { a: 1 } });
    const form = await world.anonymous.post(
      '/auth/token',
      new URLSearchParams({ grant_type: 'password', username: email, password: PASSWORD, scope: 'x' }).toString(),
      { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    );
    for (const { status, body, headers } of [json, form]) {
      assert.equal(status, 200);
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.deepEqual(Object.keys(body).sort(), ['access_token', 'expires_in', 'refresh_token', 'token_type']);
    }
  });

  test('an email in another case, form or with spaces is the same; a password is not trimmed', async () => {
    const { email } = await world.signUp({ email: newEmail(), password: PASSWORD });
    assert.equal((await signIn(` ${email.toUpperCase()} `, PASSWORD)).status, 200);
    assert.equal((await signIn(email, `${PASSWORD} `)).status, 400);
    const accented = await world.signUp({ email: newEmail(), password: 'caf\u00e9 au lait' });
    assert.equal((await signIn(accented.email, 'cafe\u0301 au lait')).status, 200);
  });

  test('answers what is wrong in OAuth’s words', async () => {
    const { email } = await world.signUp({ email: newEmail(), password: PASSWORD });
    const table: [body: object, error: string][] = [
      [{ grant_type: 'password', username: email, password: 'wrong password' }, 'invalid_grant'],
      [{ grant_type: 'password', username: 'nobody@example.com', password: PASSWORD }, 'invalid_grant'],
      [{ grant_type: 'password', username: 'no email', password: PASSWORD }, 'invalid_grant'],
      [{ grant_type: 'password', username: email, password: '' }, 'invalid_grant'],
      [{ grant_type: 'password', username: email }, 'invalid_request'],
      [{ grant_type: 'password', password: PASSWORD }, 'invalid_request'],
      [{ grant_type: 'refresh_token', refresh_token: 'nonsense' }, 'invalid_grant'],
      [{ grant_type: 'refresh_token' }, 'invalid_request'],
      [{ grant_type: 'client_credentials' }, 'unsupported_grant_type'],
      [{ grant_type: 7 }, 'invalid_request'],
      [{}, 'invalid_request'],
    ];
    for (const [input, error] of table) {
      const { status, body, headers } = await world.anonymous.post('/auth/token', input);
      assert.deepEqual([status, body.error], [400, error], JSON.stringify(input));
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(typeof body.error_description, 'string');
    }
  });

  test('answers alike for an unknown email and a wrong password', async () => {
    const { email } = await world.signUp({ email: newEmail(), password: PASSWORD });
    const known = await signIn(email, 'wrong password');
    const unknown = await signIn(newEmail(), 'wrong password');
    assert.deepEqual(withoutId(known.body), withoutId(unknown.body));
    assert.equal(known.status, unknown.status);
    const names = ({ headers }: { headers: Headers }) => [...headers.keys()].sort().join();
    assert.equal(names(known), names(unknown));
  });

  test('slows down guesses at an email, known or not; the right password does not count', async () => {
    const { email } = await world.signUp({ email: newEmail(), password: PASSWORD });
    pass(1_000);
    for (let i = 0; i < 15; i += 1) assert.equal((await signIn(email, PASSWORD)).status, 200);
    for (const username of [email, newEmail()]) {
      for (let i = 0; i < 10; i += 1) assert.equal((await signIn(username, `wrong guess ${i}`)).status, 400);
      const { status, body, headers } = await signIn(username, PASSWORD);
      assert.deepEqual([status, body.error], [429, 'temporarily_unavailable']);
      assert.ok(Number(headers.get('retry-after')) > 0);
    }
    pass(1_000);
    assert.equal((await signIn(email, PASSWORD)).status, 200);
  });
});

describe('access tokens', () => {
  test('are checked by anybody with the published keys', async () => {
    const { token, userId, tenantId } = await world.signUp();
    const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', world.url));
    const { payload, protectedHeader } = await jwtVerify(token, jwks, {
      typ: 'at+jwt',
      currentDate: new Date(nowMs),
    });
    assert.equal(protectedHeader.alg, 'EdDSA');
    assert.deepEqual([payload.sub, payload.tid], [userId, tenantId]);
    assert.deepEqual(Object.keys(payload).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub', 'tid']);
    assert.equal((payload.exp as number) - (payload.iat as number), 600);
  });

  test('the published keys hold nothing secret', async () => {
    const { status, body, headers } = await world.anonymous.get('//.well-known/jwks.json');
    assert.equal(status, 200);
    assert.match(headers.get('cache-control') ?? '', /public/);
    for (const key of body.keys) assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    assert.ok(body.keys.length >= 1);
  });

  test('end after ten minutes', async () => {
    const member = await world.signUp();
    pass(629);
    assert.equal((await member.get('/auth/me')).status, 200);
    pass(2);
    const { status, body } = await member.get('/auth/me');
    assert.deepEqual([status, body.error.code], [401, 'token_expired']);
  });

  test('of nobody, or in another form, are refused', async () => {
    const { token, refreshToken } = await world.signUp();
    for (const authorization of [
      '',
      'Bearer',
      'Bearer ',
      `Basic ${token}`,
      token,
      `Bearer ${token}x`,
      `Bearer ${refreshToken}`,
    ]) {
      const { status, body, headers } = await world.anonymous.get('/auth/me', { headers: { authorization } });
      assert.deepEqual([status, body.error.code], [401, 'unauthenticated'], authorization.slice(0, 20));
      assert.match(headers.get('www-authenticate') ?? '', /Bearer/);
    }
  });
});

describe('changing the password', () => {
  test('ends every other session of the user, in all tenants', async () => {
    const email = newEmail();
    const here = await world.signUp({ email, password: PASSWORD });
    const elsewhere = await world.signUp({ email, password: PASSWORD });
    const namesake = await world.signUp({ email, password: 'somebody else entirely' });
    const body = { current_password: PASSWORD, new_password: 'a new and longer one' };
    assert.equal((await here.post('/auth/password', body)).status, 204);
    assert.equal((await here.get('/auth/me')).status, 200);
    assert.equal((await elsewhere.get('/auth/me')).status, 401);
    assert.equal((await namesake.get('/auth/me')).status, 200);
    assert.equal((await signIn(email, PASSWORD)).status, 400);
    assert.equal(claimsOf((await signIn(email, body.new_password)).body.access_token).sub, here.userId);
    assert.equal((await refresh(here.refreshToken)).status, 200);
  });

  test('asks for the old one, and for a good new one', async () => {
    const member = await world.signUp({ email: newEmail(), password: PASSWORD });
    const wrong = await member.post('/auth/password', { current_password: 'not it', new_password: 'fine as it is' });
    assert.deepEqual([wrong.status, wrong.body.error.details.fields[0].field], [422, 'current_password']);
    const weak = await member.post('/auth/password', { current_password: PASSWORD, new_password: 'password123' });
    assert.deepEqual([weak.status, weak.body.error.details.fields[0].field], [422, 'new_password']);
    assert.equal((await signIn(member.email, PASSWORD)).status, 200);
    const key = await world.apiKey(member, ['owner']);
    const byKey = await key.post('/auth/password', { current_password: PASSWORD, new_password: 'fine as it is' });
    assert.equal(byKey.status, 403);
  });

  test('leaves no session to who signed in with the old one at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const member = await world.signUp({ email: newEmail(), password: PASSWORD });
      const [changed, signedIn] = await Promise.all([
        member.post('/auth/password', { current_password: PASSWORD, new_password: 'a new and longer one' }),
        signIn(member.email, PASSWORD),
      ]);
      assert.equal(changed.status, 204);
      if (signedIn.status === 200)
        assert.equal((await world.as(signedIn.body.access_token).get('/auth/me')).status, 401);
    }
  });

  test('to the same one from two places at once happens once', async () => {
    const member = await world.signUp({ email: newEmail(), password: PASSWORD });
    const change = (next: string) => member.post('/auth/password', { current_password: PASSWORD, new_password: next });
    const answers = await Promise.all([change('the first new one'), change('the second new one')]);
    // Who comes a moment later finds the password changed already.
    const [done, refused] = answers.map((answer) => answer.status).sort();
    assert.equal(done, 204);
    assert.ok(refused === 409 || refused === 422, String(refused));
  });
});
