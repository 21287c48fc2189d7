import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { serverWith } from '../../../test/support/http.ts';
import { addressKey } from './limits.ts';
import type { Router } from './router.ts';

const routes = (router: Router) => {
  const common = { method: 'GET', tag: 't', summary: 's', response: Type.Object({}) } as const;
  router.publicRoute({ ...common, url: '/open', operationId: 'open', access: 'public', handler: async () => ({}) });
  router.route({ ...common, url: '/mine', operationId: 'mine', access: 'authenticated', handler: async () => ({}) });
};

test('a limit answers 429, says when to come back, and is one of each caller', async () => {
  await using server = await serverWith({
    register: [routes],
    limits: { anonymous: { tokens: 2, windowSeconds: 60 }, default: { tokens: 1, windowSeconds: 60 } },
  });
  const open = (remoteAddress: string) => server.app.inject({ url: '/api/v1/open', remoteAddress });
  assert.equal((await open('192.0.2.1')).statusCode, 200);
  assert.equal((await open('192.0.2.1')).statusCode, 200);
  const limited = await open('192.0.2.1');
  assert.equal(limited.statusCode, 429);
  assert.equal(limited.json().error.type, 'rate_limit');
  assert.ok(Number(limited.headers['retry-after']) >= 1 && Number(limited.headers['retry-after']) <= 60);
  assert.equal(limited.headers['ratelimit-policy'], '"anonymous";q=2;w=60');
  assert.match(String(limited.headers.ratelimit), /^"anonymous";r=0;t=\d+$/);
  assert.equal((await open('192.0.2.2')).statusCode, 200);
  const mine = () => server.app.inject({ url: '/api/v1/mine', headers: { authorization: 'Bearer all' } });
  assert.equal((await mine()).statusCode, 200);
  assert.equal((await mine()).statusCode, 429);
});

test('guessing at credentials uses up the limit of the address', async () => {
  await using server = await serverWith({
    register: [routes],
    limits: { anonymous: { tokens: 2, windowSeconds: 60 } },
  });
  const guess = () => server.app.inject({ url: '/api/v1/mine', headers: { authorization: 'Bearer bad' } });
  assert.deepEqual(
    [(await guess()).statusCode, (await guess()).statusCode, (await guess()).statusCode],
    [401, 401, 429],
  );
});

for (const [ip, key] of [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3::1', '32.1.13.184.0.1.0.2/64'],
  ['2001:db8:1:2:ffff::9', '32.1.13.184.0.1.0.2/64'],
] as const)
  test(`${ip} counts as ${key}`, () => assert.equal(addressKey(ip), key));
