import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Parley } from '../src/index.ts';
import { SessionTokens } from '../src/tokens.ts';
import { cut, error, json, scripted } from './server.ts';

const tokens = (n: number, more: object = {}) => ({
  access_token: `access-${n}`,
  token_type: 'Bearer',
  expires_in: 600,
  ...more,
});

test('signing in keeps both tokens, and a refused one is renewed once for all who wait', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    (response, request) => {
      const answer = (status: number, body: unknown): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      const body = request.body === '' ? {} : (JSON.parse(request.body) as { grant_type?: string });
      if (body.grant_type === 'password') return answer(200, tokens(1, { refresh_token: 'refresh-1' }));
      if (body.grant_type === 'refresh_token') return answer(200, tokens(2, { refresh_token: 'refresh-2' }));
      const fine = request.headers.authorization === 'Bearer access-2';
      return answer(
        fine ? 200 : 401,
        fine ? { id: 'a' } : { error: { code: 'token_expired', type: 'authentication' } },
      );
    },
  ]);
  const client = new Parley({ baseUrl });
  const changes: boolean[] = [];
  client.auth.onChange((signedIn) => changes.push(signedIn));
  await client.auth.signIn({ email: 'ada@example.org', password: 'secret' });
  await Promise.all([client.agents.get('a'), client.agents.get('b'), client.agents.get('c')]);
  const refreshes = seen.filter(({ body }) => body.includes('refresh_token'));
  assert.deepEqual(
    refreshes.map(({ body }) => JSON.parse(body)),
    [{ grant_type: 'refresh_token', refresh_token: 'refresh-1' }],
  );
  assert.deepEqual(changes, [true]);
});

test('a session that cannot be renewed is over, and whoever listens is told', async (t) => {
  const { baseUrl } = await scripted(t, [
    json(200, tokens(1, { refresh_token: 'r' })),
    error(401, 'token_expired', { type: 'authentication' }),
    json(400, { error: 'invalid_grant' }),
  ]);
  const client = new Parley({ baseUrl });
  const changes: boolean[] = [];
  client.auth.onChange((signedIn) => changes.push(signedIn));
  await client.auth.signIn({ email: 'a@b', password: 'c' });
  await assert.rejects(client.agents.get('a'), { status: 401 });
  assert.deepEqual(changes, [true, false]);
  assert.equal(client.auth.signedIn, false);
});

test('a server that cannot be reached ends no session', async (t) => {
  const { baseUrl } = await scripted(t, [json(200, { ...tokens(1, { refresh_token: 'r' }), expires_in: 1 }), cut]);
  const client = new Parley({ baseUrl, maxRetries: 0 });
  await client.auth.signIn({ email: 'a@b', password: 'c' });
  await assert.rejects(client.agents.get('a'), { code: 'connection_failed' });
  assert.equal(client.auth.signedIn, true);
});

test('in cookie mode no refresh token is ever sent or kept', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    json(400, { error: 'invalid_grant' }),
    json(200, tokens(1)),
    json(200, { id: 'a' }),
  ]);
  const client = new Parley({ baseUrl, session: 'cookie' });
  assert.equal(await client.auth.restore(), false);
  assert.equal(await client.auth.restore(), true);
  await client.agents.get('a');
  assert.deepEqual(JSON.parse(String(seen[1]?.body)), { grant_type: 'refresh_token', session: 'cookie' });
  assert.equal(seen[2]?.headers.authorization, 'Bearer access-1');
});

test('signing out forgets the tokens even when the server has forgotten them first', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    json(200, tokens(1, { refresh_token: 'r' })),
    error(401, 'unauthenticated', { type: 'authentication' }),
    json(400, { error: 'invalid_grant' }),
  ]);
  const client = new Parley({ baseUrl });
  await client.auth.signIn({ email: 'a@b', password: 'c' });
  await client.auth.signOut();
  assert.equal(client.auth.signedIn, false);
  assert.deepEqual(JSON.parse(String(seen[1]?.body)), { token: 'r' });
});

test('a token is renewed before it runs out', async () => {
  let now = 0;
  let refreshed = 0;
  const session = new SessionTokens({
    mode: 'memory',
    now: () => now,
    refresh: async () => tokens(++refreshed + 1, { refresh_token: 'r' }) as never,
  });
  session.accept({ access_token: 'access-1', expires_in: 600, refresh_token: 'r' });
  now = 569_000;
  assert.equal(await session.get(), 'access-1');
  now = 571_000;
  assert.equal(await session.get(), 'access-2');
  assert.equal(refreshed, 1);
});

test('an access token from a function is asked for anew after a 401, with the refused one', async (t) => {
  const { baseUrl, seen } = await scripted(t, [error(401, 'token_expired'), json(200, { id: 'a' })]);
  const client = new Parley({ baseUrl, accessToken: (stale) => (stale === 'old' ? 'new' : 'old') });
  await client.agents.get('a');
  assert.deepEqual(
    seen.map(({ headers }) => headers.authorization),
    ['Bearer old', 'Bearer new'],
  );
});

test('a client takes one way to sign in', () => {
  assert.throws(() => new Parley({ apiKey: 'k', session: 'cookie' }), TypeError);
  assert.throws(() => new Parley({ apiKey: 'k' }).auth.onChange(() => {}), { code: 'no_session' });
});
