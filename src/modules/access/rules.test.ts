import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERMISSIONS, permissionsOf } from '../../platform/auth/permissions.ts';
import { bearerOf, expiryFault, MAX_KEY_LIFE_MS, permissionsOfKey, scopesBeyond, TICKET_PATH } from './rules.ts';

test('a key may do what it was made for, as far as its maker still may', () => {
  const scopes = ['agents:read', 'agents:write', 'providers:write'] as const;
  assert.deepEqual([...permissionsOfKey(scopes, permissionsOf(['owner']))], [...scopes]);
  assert.deepEqual([...permissionsOfKey(scopes, permissionsOf(['developer']))], ['agents:read', 'agents:write']);
  assert.deepEqual([...permissionsOfKey(scopes, permissionsOf(['viewer']))], ['agents:read']);
  assert.deepEqual([...permissionsOfKey(scopes, new Set())], []);
});

test('scopes beyond one’s own are named', () => {
  assert.deepEqual(scopesBeyond(PERMISSIONS, permissionsOf(['owner'])), []);
  assert.deepEqual(scopesBeyond(['agents:read', 'users:write'], permissionsOf(['developer'])), ['users:write']);
});

test('an end must be ahead, and not absurdly far', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  const in_ = (ms: number) => expiryFault(new Date(now.getTime() + ms), now);
  assert.equal(in_(1), undefined);
  assert.equal(in_(MAX_KEY_LIFE_MS), undefined);
  assert.match(in_(0) ?? '', /future/);
  assert.match(in_(MAX_KEY_LIFE_MS + 1) ?? '', /ten years/);
});

test('the token of an Authorization header', () => {
  for (const header of ['Bearer abc', 'bearer abc', 'BEARER  abc ']) assert.equal(bearerOf(header), 'abc', header);
  for (const header of ['', 'Bearer', 'Bearer ', 'Basic abc', 'Bearer a b', 'Bearer\tabc', 'Bearer ä', 'xBearer abc'])
    assert.equal(bearerOf(header), undefined, header);
});

test('the path of a ticket is absolute and has no query', () => {
  const path = new RegExp(TICKET_PATH);
  for (const good of ['/', '/api/v1/discussions/0192/events', '/a%20b']) assert.match(good, path);
  for (const bad of ['', 'api', '/a?b', '/a#b', '/a b', '/a\n', '/ä', 'https://x/', `/${'a'.repeat(512)}`])
    assert.doesNotMatch(bad, path, bad);
});
